"""The blueprint of the organisers' pages."""

from flask import Blueprint

bp = Blueprint("organise", __name__, url_prefix="/organise")
