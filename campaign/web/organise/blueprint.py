"""The organisers' door and what lies behind it; every page but the door's asks who is there."""

from flask import Blueprint

bp = Blueprint("organise", __name__, url_prefix="/organise")
