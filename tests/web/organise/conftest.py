"""The organisers' routes, and a database with something behind each of them."""

import re
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from campaign.organiser.account import Unlocked
from campaign.sealing.server_key import ServerKeys
from campaign.web.organise.permission import OPEN
from campaign.web.site import Site
from tests.conftest import NOW
from tests.support.factories import make_delivery, make_signature


def organisers_routes(app: Flask) -> list[tuple[Rule, str]]:
    """Return each organisers' route with each of its methods."""
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("organise.") and rule.endpoint not in OPEN
        for method in sorted((rule.methods or set()) & {"GET", "POST"})
    ]


@pytest.fixture
def ids(db: Session, site: Site, keys: ServerKeys, owner: Unlocked) -> dict[str, Any]:
    """Return values for the variables in the routes; they exist in the database where possible."""
    made = make_signature(db, keys, name="Mara Example", disclosure="public")
    replied = {"status": "replied", "replied_on": NOW.date(), "note": "They mention Mara Example."}
    delivery = make_delivery(db, [made.row], **replied)
    nobody = {
        "state": "de",
        "format": "csv",
        "decision_id": str(uuid4()),
        "translation": "de",
        "page": "home",
    }
    return {**nobody, "delivery_id": str(delivery.id), "organiser_id": str(owner.id)}


def url(rule: Rule, ids: dict[str, Any]) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(ids.get(found.group(1), uuid4())), rule.rule)
