"""Organisers approve public names and own words: no entry is left undecided without a word about it."""

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.disclosure import safety_list
from campaign.organiser.audit_log import AuditEntry
from campaign.sealing.server_key import ServerKeys
from campaign.signature.withdraw import withdraw
from tests.conftest import NOW
from tests.support import factories
from tests.support.factories import Made, make_owner, make_signature
from tests.web.conftest import OrganisersBrowser, text

pytestmark = pytest.mark.any_database

PAGE = "/organise/signatures"


def approve(browser: OrganisersBrowser, *chosen: Made, kind: str = "names", shown: str = "waiting") -> str:
    """Approve *chosen*; return what the page says afterwards."""
    return decide(browser, "approve", *chosen, kind=kind, shown=shown)


def decide(
    browser: OrganisersBrowser, act: str, *chosen: Made, kind: str = "names", shown: str = "waiting"
) -> str:
    """Approve or decline *chosen* on the page of entries with the status *shown*."""
    keys = [f"{made.row.state_code}:{made.row.id.hex}" for made in chosen]
    assert browser.post(PAGE, on=PAGE, kind=kind, act=act, shown=shown, keys=keys).status_code == 303
    return text(browser.get(PAGE))


@pytest.fixture
def sealed_earlier(db: Session, keys: ServerKeys) -> Made:
    """Make a signature under the setup link of an earlier start, before there is an organiser."""
    return make_signature(db, keys, disclosure="public", name="Eda Earlier", words="I was early.")


@pytest.fixture
def browser(app: Flask, db: Session, sealed_earlier: Made) -> OrganisersBrowser:
    """Give the browser of the first organiser, who set up with the link of a later start."""
    make_owner(db)
    browser = OrganisersBrowser(app)
    browser.log_in()
    return browser


@pytest.mark.both_databases
def test_entries_sealed_with_an_earlier_key_are_left_out_and_counted(
    browser: OrganisersBrowser, db: Session, keys: ServerKeys
) -> None:
    make_signature(db, keys, disclosure="public", name="Mara Example", words="I was there.")

    for kind in ("names", "words"):
        for page in (
            browser.get(f"{PAGE}?kind={kind}"),
            browser.post(f"{PAGE}/search", on=PAGE, kind=kind, query="a"),
        ):
            assert page.status_code == 200, kind
            assert "Mara Example" in text(page), kind
            assert "Eda Earlier" not in text(page), kind
            assert "1 entry is sealed with an earlier key" in text(page), kind
        assert "earlier key" not in text(browser.get(f"{PAGE}?kind={kind}&state=fr")), kind


@pytest.mark.parametrize("kind", ["names", "words"])
def test_approving_what_cannot_be_opened_changes_nothing_and_says_so(
    browser: OrganisersBrowser, db: Session, keys: ServerKeys, sealed_earlier: Made, kind: str
) -> None:
    made = make_signature(db, keys, disclosure="public", words="I was there.")
    page = approve(browser, sealed_earlier, made, kind=kind)

    assert "1 entry approved." in page
    assert "1 entry was not changed: it is sealed with an earlier key." in page
    db.refresh(sealed_earlier.row)
    assert (sealed_earlier.row.name_review, sealed_earlier.row.words_review) == (None, None)


@pytest.mark.both_databases
def test_names_from_endangered_places_are_said_to_be_declined(
    organiser: OrganisersBrowser, db: Session, keys: ServerKeys
) -> None:
    published = make_signature(db, keys, disclosure="public", residence="FR")
    kept_safe = [make_signature(db, keys, disclosure="public", residence="KZ") for _ in range(2)]
    page = approve(organiser, published, *kept_safe)

    assert "1 entry approved." in page
    assert "2 names were declined: publishing them could endanger residents of these places." in page
    db.expire_all()
    assert [made.row.name_review for made in (published, *kept_safe)] == ["approved", "declined", "declined"]
    log = {entry.act: entry.about for entry in db.scalars(select(AuditEntry))}
    assert (log["approve names"], log["decline names"]) == ("1", "2")


@pytest.mark.both_databases
def test_what_was_withdrawn_or_decided_meanwhile_is_said_to_be_unchanged(
    organiser: OrganisersBrowser, db: Session, keys: ServerKeys
) -> None:
    gone, decided = (make_signature(db, keys, disclosure="public") for _ in range(2))
    withdraw(db, gone.token, now=NOW, confirmation_days=7)
    factories.decide(db, decided.row, name_review="declined")
    db.commit()

    assert (
        "2 entries were not changed: they were withdrawn, or somebody else decided them meanwhile."
        in approve(organiser, gone, decided)
    )
    db.refresh(decided.row)
    assert decided.row.public_name is None


@pytest.mark.both_databases
@pytest.mark.parametrize("kind", ["names", "words"])
def test_a_page_that_is_out_of_date_changes_nothing(
    organiser: OrganisersBrowser, db: Session, keys: ServerKeys, kind: str
) -> None:
    approved, declined = (
        make_signature(db, keys, disclosure="public", name="Mara Public", words="I was there.")
        for _ in range(2)
    )
    decide(organiser, "approve", approved, kind=kind)
    decide(organiser, "decline", declined, kind=kind)

    for act, chosen in (("decline", approved), ("approve", declined)):
        page = decide(organiser, act, chosen, kind=kind)
        assert "1 entry was not changed: it was withdrawn, or somebody else decided it meanwhile." in page

    column = "name_review" if kind == "names" else "words_review"
    for made, verdict in ((approved, "approved"), (declined, "declined")):
        db.refresh(made.row)
        assert getattr(made.row, column) == verdict


@pytest.mark.both_databases
def test_a_declined_name_can_be_approved_and_an_approved_one_declined(
    organiser: OrganisersBrowser, db: Session, keys: ServerKeys
) -> None:
    made = make_signature(db, keys, disclosure="public", name="Mara Public")
    decide(organiser, "decline", made)
    assert "Approve the chosen" in organiser.get(f"{PAGE}?status=declined").text

    approve(organiser, made, shown="declined")
    assert "Mara Public" in organiser.get("/en/progress").text

    decide(organiser, "decline", made, shown="approved")
    assert "Mara Public" not in organiser.get("/en/progress").text


@pytest.mark.both_databases
def test_a_name_from_a_place_that_became_dangerous_a_moment_ago_is_not_published(
    organiser: OrganisersBrowser, app: Flask, db: Session, keys: ServerKeys
) -> None:
    made = make_signature(db, keys, residence="BY", disclosure="public", name="Mara Public")
    organiser.get(PAGE)
    # Another web process makes the change, and this one has not noticed.
    appeal = app.extensions["campaign"].appeal
    protect = safety_list.Change(protect=frozenset({"BY"}))
    safety_list.change(db, appeal, protect, by="Olga", now=NOW)
    factories.decide(db, made.row, name_review=None)
    db.commit()

    assert "1 name was declined: publishing it could endanger a resident" in approve(organiser, made)
    assert "Mara Public" not in organiser.get("/en/progress").text
