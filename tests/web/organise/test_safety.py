"""The page of the safety lists: which changes are allowed, and their consequences."""

import re
from typing import Any

import pytest
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from campaign.disclosure import safety_list
from campaign.disclosure.approval import approve_names
from campaign.disclosure.safety_list import SafetyLists
from campaign.sealing.key_ring import key_ring
from campaign.sealing.server_key import ServerKeys
from campaign.web.site import Site
from tests.conftest import Clock
from tests.support.factories import make_signature
from tests.web.conftest import OrganisersBrowser
from tests.web.supporter.test_pages import check

pytestmark = pytest.mark.any_database

AT_FIRST = {"no_names_to": ["by", "kg", "ru", "tj", "tm", "uz"], "endangered": [], "more": ""}
"""What the form sends when nothing was touched: a box that is fixed is not sent."""


def look(organiser: OrganisersBrowser, **changes: Any) -> TestResponse:
    return organiser.post("/organise/safety", on="/organise/safety", **(AT_FIRST | changes))


def confirm(organiser: OrganisersBrowser, page: str, **more: str) -> TestResponse:
    """Submit the page that shows the consequences of a change."""
    carried = re.findall(r'name="(withhold|release|protect|unprotect)" value="(\w+)"', page)
    form: dict[str, Any] = {}
    for part, code in carried:
        form.setdefault(part, []).append(code)
    return organiser.post("/organise/safety/change", on="/organise/safety", **form, **more)


def text(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


def held(site: Site) -> SafetyLists:
    with site.database.reading() as db:
        return safety_list.current_lists(db, site.appeal)


@pytest.mark.both_databases
def test_an_owner_adds_a_state_and_a_place(
    organiser: OrganisersBrowser, site: Site, db: Session, keys: ServerKeys
) -> None:
    make_signature(db, keys, state="fr")
    answer = look(organiser, no_names_to=[*AT_FIRST["no_names_to"], "fr"], more="BY")
    page = text(answer)

    assert answer.status_code == 200
    check(page)
    assert "1 name that would go along now stays sealed with you" in page
    assert "sure" not in page
    assert not held(site).is_edited

    assert confirm(organiser, page).status_code == 303
    assert "fr" in held(site).no_names_to
    assert held(site).endangered_residences == {"KZ", "BY"}
    after = text(organiser.get("/organise/safety"))
    check(after)
    assert 'id="endangered-BY" name="endangered" value="BY" checked' in after
    log = text(organiser.get("/organise/audit"))
    assert "<td>No more names to</td><td>France</td>" in log
    assert "<td>From now on dangerous to sign in</td><td>Belarus</td>" in log


@pytest.mark.both_databases
def test_taking_protection_away_needs_a_tick_and_says_what_is_promised(
    organiser: OrganisersBrowser, site: Site, db: Session, keys: ServerKeys
) -> None:
    make_signature(db, keys, state="uz")
    page = text(look(organiser, no_names_to=["by", "kg", "ru", "tj", "tm"]))
    assert "1 name under this letter was given on the promise that only you would see it" in page
    assert "25 November 2026 or later" in page

    refused = confirm(organiser, page)
    assert refused.status_code == 422
    check(text(refused))
    assert "uz" in held(site).no_names_to

    assert confirm(organiser, page, sure="y").status_code == 303
    assert "uz" not in held(site).no_names_to
    assert "25 November 2026 or later go to this delegation" in text(organiser.get("/organise/safety"))
    preview = text(organiser.get("/organise/deliveries/new/uz"))
    assert "1 – names that were given while this delegation got numbers only" in preview
    assert "Mara Example" not in preview


def test_the_accused_state_is_fixed(organiser: OrganisersBrowser, site: Site) -> None:
    page = text(organiser.get("/organise/safety"))
    assert re.findall(r'value="(\w+)" checked disabled', page) == ["kz", "KZ"]

    assert look(organiser).location == "/organise/safety"
    for part, code in (("release", "kz"), ("unprotect", "KZ")):
        forged = {part: [code], "sure": "y"}
        assert organiser.post("/organise/safety/change", on="/organise/safety", **forged).status_code == 400
    assert "kz" in held(site).no_names_to


@pytest.mark.parametrize("forged", [{"withhold": ["xx"]}, {"protect": ["XX"]}, {"release": ["", "de"]}])
def test_an_unknown_state_or_residence_is_refused(
    organiser: OrganisersBrowser, site: Site, forged: dict[str, list[str]]
) -> None:
    answer = organiser.post("/organise/safety/change", on="/organise/safety", **forged, sure="y")

    assert answer.status_code == 400
    assert not held(site).is_edited


def test_only_owners_open_the_lists(others: dict[str, OrganisersBrowser], site: Site) -> None:
    other = others["organiser"]
    assert other.get("/organise/safety").status_code == 403
    assert "/organise/safety" not in text(other.get("/organise/"))
    for url in ("/organise/safety", "/organise/safety/change"):
        assert other.post(url, protect="BY", more="BY").status_code == 403
    assert not held(site).is_edited


def test_a_promise_outlives_the_list_on_the_private_page(
    organiser: OrganisersBrowser, site: Site, db: Session, keys: ServerKeys, clock: Clock
) -> None:
    before = make_signature(db, keys, state="uz")
    confirm(organiser, text(look(organiser, no_names_to=["by", "kg", "ru", "tj", "tm"])), sure="y")
    clock.forward(days=2)
    after = make_signature(db, keys, state="uz", on=clock().date())

    assert "The organisers only" in text(organiser.get(f"/en/signature/{before.token}"))
    assert "The delegation only" in text(organiser.get(f"/en/signature/{after.token}"))
    assert "The delegation only" in text(organiser.get("/en/letters/uz"))


@pytest.mark.both_databases
def test_a_name_that_was_published_leaves_the_site_where_it_became_dangerous(
    organiser: OrganisersBrowser, site: Site, db: Session, keys: ServerKeys, owner: Any
) -> None:
    made = make_signature(db, keys, residence="BY", disclosure="public", name="Mara Example")
    approve_names(db, [("de", made.row.id)], key_ring(db, owner.campaign_private_key), shown=None)
    db.commit()
    assert "Mara Example" in text(organiser.get("/en/progress"))
    page = text(look(organiser, more="BY"))
    assert "1 published name of people who live there leaves the site for good" in page

    confirm(organiser, page)

    assert "Mara Example" not in text(organiser.get("/en/progress"))
    private = text(organiser.get(f"/en/signature/{made.token}"))
    assert "An organiser decided not to publish it" in private
    assert 'value="public"' not in private
