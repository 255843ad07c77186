"""Organisers release held signatures, take others off the count, and send notices to delegations."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.organiser.audit_log import AuditEntry
from campaign.sealing.server_key import ServerKeys
from campaign.signature import count, recount
from campaign.signature.model import Signature
from campaign.signature.withdraw import withdraw
from campaign.web.site import Site
from tests.conftest import NOW
from tests.support.factories import (
    TODAY,
    Made,
    confirm_one,
    decide,
    make_delivery,
    make_owner,
    make_signature,
)
from tests.web.conftest import OrganisersBrowser, Supporter, text

pytestmark = pytest.mark.any_database

PAGE = "/organise/checks"

CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{20}|(?:[0-9A-HJKMNP-TV-Z]{4}-?){5}")


def key(made: Made) -> str:
    return f"{made.row.state_code}:{made.row.id.hex}"


def hold(db: Session, made: Made, reason: str) -> None:
    decide(db, made.row, held_for=reason)
    if made.row.confirmed_on:
        count.add(db, made.row.state_code, made.row.residence, on=made.row.confirmed_on, confirmed=-1)
    db.commit()


def total(site: Site) -> int:
    with site.database.session(writes=True) as db:
        assert recount.compare(db) == []
        return count.total(db)


@pytest.mark.both_databases
def test_held_signatures_are_shown_with_their_reason_and_can_be_released(
    organiser: OrganisersBrowser, db: Session, keys: ServerKeys, site: Site
) -> None:
    hold(db, make_signature(db, keys, name="Mara Example"), "domain")
    hold(db, make_signature(db, keys, confirmed=False), "domain")
    assert total(site) == 0
    page = text(organiser.get(PAGE))
    assert "many signed with addresses of one mail domain 1 1" in page

    shown = organiser.get(f"{PAGE}?held_for=domain")
    assert "Mara Example" in text(shown)
    assert "2 signatures found" in text(shown)
    answer = organiser.post(PAGE, on=PAGE, act="release", scope="all", held_for="domain")

    assert answer.status_code == 303
    assert "2 signatures are no longer held" in text(organiser.get(PAGE))
    assert total(site) == 1


@pytest.mark.both_databases
def test_signatures_of_one_domain_are_found_invalidated_and_restored(
    organiser: OrganisersBrowser, db: Session, keys: ServerKeys, site: Site
) -> None:
    for at in range(3):
        make_signature(db, keys, email=f"a{at}@flood.example", name=f"Flood {at}")
    make_signature(db, keys, name="Mara Example")
    found = text(organiser.post(f"{PAGE}/find", on=PAGE, domain="@Flood.example"))
    assert "3 signatures found" in found
    assert "Flood 2" in found
    assert "Mara Example" not in found
    assert total(site) == 4

    rule = {"scope": "all", "domain": "flood.example", "act": "invalidate"}
    refused = organiser.post(PAGE, on=PAGE, **rule)
    assert refused.status_code == 422
    assert "Say why" in text(refused)
    assert total(site) == 4

    answer = organiser.post(PAGE, on=PAGE, **rule, reason="One person made them.")
    assert answer.status_code == 303
    assert total(site) == 1
    page = organiser.get(PAGE)
    assert "One person made them." in text(page)
    assert "mail domain: flood.example" in text(page)
    assert organiser.client.get("/counts.json").get_json()["total"] == 1

    [undo] = re.findall(r'action="(/organise/checks/[0-9a-f-]+/undo)"', page.get_data(as_text=True))
    organiser.post(undo, on=PAGE)
    assert total(site) == 4
    assert "undone by Olga Organiser" in text(organiser.get(PAGE))
    acts = {entry.act: entry.about for entry in db.scalars(select(AuditEntry))}
    assert (acts["invalidate"], acts["undo invalidation"]) == ("3", "3")
    assert "flood" not in str(acts)


def test_one_signature_can_be_chosen(
    organiser: OrganisersBrowser, db: Session, keys: ServerKeys, site: Site
) -> None:
    chosen, _other = make_signature(db, keys), make_signature(db, keys)
    form = {"act": "invalidate", "scope": "chosen", "reason": "Asked by telephone."}
    organiser.post(PAGE, on=PAGE, **form, keys=[key(chosen)])
    assert total(site) == 1

    organiser.post(PAGE, on=PAGE, **form)
    assert "Choose at least one entry." in text(organiser.get(PAGE))
    assert total(site) == 1


@pytest.mark.both_databases
def test_pending_signatures_of_a_day_are_invalidated_before_they_count(
    organiser: OrganisersBrowser, db: Session, keys: ServerKeys, site: Site
) -> None:
    pending = make_signature(db, keys, confirmed=False)
    make_signature(db, keys, confirmed=False, on=TODAY - timedelta(days=1))
    answer = organiser.post(
        PAGE,
        on=PAGE,
        act="invalidate",
        scope="all",
        stage="pending",
        signed_from=TODAY.isoformat(),
        reason="A flood.",
    )
    assert answer.status_code == 303
    confirm_one(db, keys, pending.token)
    db.commit()

    assert "1 signature was taken off the count." in text(organiser.get(PAGE))
    assert total(site) == 0


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"act": "invalidate", "scope": "all", "reason": "All of them."}, 422),
        ({"act": "invalidate", "scope": "all", "stage": "pending", "reason": "All pending."}, 422),
        ({"act": "release", "scope": "all"}, 422),
        ({"act": "release", "scope": "all", "state": "xx"}, 400),
        ({"act": "erase", "scope": "all", "state": "de"}, 400),
        ({"act": "invalidate", "scope": "every", "state": "de", "reason": "No such choice."}, 400),
        ({"act": "invalidate", "scope": "all", "signed_to": "tomorrow", "reason": "No day."}, 400),
    ],
)
def test_no_decision_is_about_every_signature_by_mistake(
    organiser: OrganisersBrowser,
    db: Session,
    keys: ServerKeys,
    site: Site,
    form: dict[str, str],
    status: int,
) -> None:
    make_signature(db, keys)
    hold(db, make_signature(db, keys), "robot")

    assert organiser.post(PAGE, on=PAGE, **form).status_code == status
    assert total(site) == 1
    assert db.scalar(select(Signature).where(Signature.held_for.is_not(None))) is not None


def test_a_wrong_domain_is_refused_and_no_domain_is_read_from_an_address(
    organiser: OrganisersBrowser, db: Session, keys: ServerKeys
) -> None:
    make_signature(db, keys, email="a@flood.example", name="Mara Example")

    assert organiser.post(f"{PAGE}/find", on=PAGE, domain="flood").status_code == 422
    assert "Mara Example" not in text(organiser.get(f"{PAGE}?domain=flood.example"))


@pytest.mark.both_databases
def test_a_search_that_is_incomplete_says_so(
    organiser: OrganisersBrowser, db: Session, keys: ServerKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaign.web.organise.checks.MOST_OPENED", 2)
    monkeypatch.setattr("campaign.signature.search.BATCH", 1)
    for at in range(3):
        make_signature(db, keys, email=f"a{at}@flood.example")

    assert "there may be more" in text(organiser.post(f"{PAGE}/find", on=PAGE, domain="flood.example"))
    assert "there may be more" not in text(
        organiser.post(f"{PAGE}/find", on=PAGE, domain="flood.example", state="fr")
    )


@pytest.mark.both_databases
def test_a_search_by_domain_says_which_boxes_it_could_not_open(
    app: Flask, db: Session, keys: ServerKeys
) -> None:
    make_signature(db, keys, email="a@flood.example", name="Eda Earlier")
    make_owner(db)  # with a later setup link, whose key does not open that box
    make_signature(db, keys, email="b@flood.example")
    organiser = OrganisersBrowser(app)
    organiser.log_in()

    page = text(organiser.post(f"{PAGE}/find", on=PAGE, domain="flood.example"))
    assert "1 signature found" in page
    assert "1 signature is sealed with an earlier key" in page
    page = text(organiser.post(f"{PAGE}/find", on=PAGE, state="de"))
    assert "2 signatures found" in page
    assert "earlier key" not in page


@pytest.mark.both_databases
def test_a_held_signature_looks_like_any_other_to_its_owner(
    supporter: Supporter, db: Session, owner: Any, site: Site
) -> None:
    answers = []
    for reason in (None, "network"):
        supporter.sign(email=f"{reason}@example.org")
        for row in db.scalars(select(Signature).where(Signature.confirmed_on.is_(None))):
            decide(db, row, held_for=reason)
        db.commit()
        answers.append(supporter.act("confirm").status_code)
        page = supporter.page().get_data(as_text=True)
        answers.append(
            re.sub(
                r"\bde\.[0-9a-f]{32}|[0-9A-HJKMNP-TV-Z]{20}|(?:[0-9A-HJKMNP-TV-Z]{4}-?){5}|<svg.*?</svg>",
                "",
                page,
            )
        )
        site.snapshots.expire()

    assert answers[:2] == answers[2:]
    assert total(site) == 1


@pytest.mark.both_databases
def test_a_notice_to_a_delegation_has_numbers_only_and_is_due_once(
    organiser: OrganisersBrowser, db: Session, keys: ServerKeys
) -> None:
    made = [make_signature(db, keys, name="Wanda Withdrawn") for _ in range(3)]
    delivery = make_delivery(db, [each.row for each in made])
    assert "No delegation has to be told anything." in text(organiser.get("/organise/notices"))
    for each in made[1:]:
        withdraw(db, each.token, now=NOW, confirmation_days=7)
    db.commit()

    assert "Tell delegations what was withdrawn" in text(organiser.get("/organise/"))
    page = text(organiser.get("/organise/notices"))
    assert "no longer stand: 2, 3" in page
    assert "Wanda" not in page
    answer = organiser.post(
        f"/organise/notices/{delivery.id}", on="/organise/notices", numbers=["2", "3", "nine"]
    )
    assert answer.status_code == 303
    assert "Noted for 2 numbers." in text(organiser.get("/organise/notices"))
    assert "No delegation has to be told anything." in text(organiser.get("/organise/notices"))
