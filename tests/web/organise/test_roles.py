"""Every route with every role gets the answer that the table of permissions says."""

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.organiser import membership
from campaign.organiser.account import Organiser, Unlocked
from campaign.organiser.role import ORGANISER, OWNER, READER, ROLES, reaches
from campaign.web.organise.permission import LEAST, OPEN, allows
from campaign.web.site import Site
from tests.conftest import NOW
from tests.web.conftest import OrganisersBrowser, rows
from tests.web.organise.conftest import organisers_routes, url

pytestmark = pytest.mark.any_database


def test_the_table_has_every_route_and_no_other(app: Flask) -> None:
    """A page without an entry in campaign/web/organise/permission.py is forbidden to everybody."""
    there = {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.startswith("organise.")}

    assert there == OPEN | set(LEAST)
    assert not OPEN & set(LEAST)


def test_an_endpoint_without_an_entry_is_forbidden(app: Flask, organiser: OrganisersBrowser) -> None:
    assert not any(allows(role, "organise.forgotten") or allows(role, None) for role in ROLES)
    app._got_first_request = False
    app.add_url_rule("/organise/forgotten", "organise.forgotten", lambda: "names")

    assert organiser.get("/organise/forgotten").status_code == 403


def test_no_role_reaches_further_than_the_table_says(
    app: Flask, site: Site, others: dict[str, OrganisersBrowser], ids: dict[str, Any]
) -> None:
    before = rows(site)
    for role, browser in others.items():
        token = browser.token()
        for rule, method in organisers_routes(app):
            if reaches(role, LEAST[rule.endpoint]):
                continue
            form = {"csrf_token": token, "role": OWNER, "name": "x", "passphrase": "y"}
            answer = browser.client.open(
                url(rule, ids), method=method, data=form if method == "POST" else None
            )
            assert answer.status_code == 403, (role, method, rule)
            assert "This is not for your role" in answer.text
            assert answer.headers["Cache-Control"] == "no-store"

    assert rows(site) == before


@pytest.mark.both_databases
def test_each_role_reaches_its_own_pages_and_no_page_links_to_another_or_shows_a_reader_a_name(
    app: Flask, others: dict[str, OrganisersBrowser], ids: dict[str, Any]
) -> None:
    shown = dict.fromkeys(others, "")
    for role, browser in others.items():
        for rule, method in organisers_routes(app):
            if method != "GET":
                continue
            page = browser.get(url(rule, ids))
            shown[role] += page.text
            if reaches(role, LEAST[rule.endpoint]):
                assert page.status_code == 200, (role, rule)
            if rule.endpoint != "organise.list_file":
                check_links(app, role, page.text)

    assert "Overview" in shown[READER]
    assert "de@missions.example.org" in shown[READER]
    assert "Mara Example" not in shown[READER]
    assert "Mara Example" in shown[ORGANISER]


def check_links(app: Flask, role: str, page: str) -> None:
    """Check that every organisers' link and form of *page* is for *role*."""
    adapter = app.url_map.bind("localhost")
    for tag, address in re.findall(r'<(a|form)\b[^>]*?(?:href|action)="(/organise[^"#?]*)', page):
        endpoint, _values = adapter.match(address, method="POST" if tag == "form" else "GET")
        assert endpoint in OPEN or allows(role, str(endpoint)), (role, address)


def test_a_reader_gets_no_key_by_any_cookie(
    app: Flask, db: Session, owner: Unlocked, others: dict[str, OrganisersBrowser]
) -> None:
    """Not even if somebody changes the role in the database directly."""
    reader = db.scalars(select(Organiser).where(Organiser.role == READER)).one()
    reader.role = OWNER
    db.commit()

    assert others[READER].get("/organise/lists/de.csv").location == "/organise/login"
    assert OrganisersBrowser(app).log_in("Robin Reader").status_code == 422


def test_a_role_that_was_changed_counts_from_the_next_click(
    db: Session, owner: Unlocked, others: dict[str, OrganisersBrowser]
) -> None:
    browser = others[OWNER]
    token = browser.token()
    account = db.scalars(select(Organiser).where(Organiser.name == "Robin Owner")).one()
    membership.change_role(db, account.id, ORGANISER, by=owner, now=NOW)
    db.commit()

    answer = browser.client.post("/organise/account/invitations", data={"csrf_token": token})
    assert answer.status_code == 403
    assert browser.get("/organise/signatures").status_code == 200
