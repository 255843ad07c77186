"""Who writes to the database decides nothing: no name and no words leave the site by an edited row."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from campaign.disclosure.approval import Outcome, approve_names, approve_words
from campaign.disclosure.published_name import page_of_names
from campaign.errors import ChangedError
from campaign.letter.edition import Version
from campaign.operations import altered_row
from campaign.organiser.account import Unlocked
from campaign.sealing.key_ring import KeyRing, key_ring
from campaign.sealing.server_key import ServerKeys
from campaign.signature import altered, invalidation
from campaign.signature.model import Signature
from campaign.signature.withdraw import disclose, withdraw
from campaign.signature_list import entry
from tests.conftest import NOW
from tests.support.attacker import written
from tests.support.factories import Made, confirm_one, decide, make_owner, make_signature

TODAY = NOW.date()


@pytest.fixture
def owner(db: Session) -> Unlocked:
    return make_owner(db)


@pytest.fixture
def ring(db: Session, owner: Unlocked) -> KeyRing:
    return key_ring(db, owner.campaign_private_key)


def write(db: Session, made: Made, **columns: object) -> None:
    """Write to the database as an attacker does."""
    changed = update(Signature).where(Signature.id == made.row.id).values(**columns)
    written(db, changed)


def lists(db: Session, ring: KeyRing) -> list[list[tuple[str, str]]]:
    """Return names and words on the organisers' list and on the delegation's."""
    of_delegation = entry.for_delegation(db, "de", ring, text_groups=[(Version(1, "en"),)])
    return [
        [(e.name, e.words) for e in each] for each in (entry.for_organisers(db, ["de"], ring), of_delegation)
    ]


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("made", "columns"),
    [
        ({"confirmed": False}, {"confirmed_on": TODAY}),
        ({"held_for": "network"}, {"held_for": None}),
        ({"invalidation_id": uuid4()}, {"invalidation_id": None}),
        ({"disclosure": "public"}, {"disclosure": "delegation"}),
        ({"disclosure": "public"}, {"name_review": "approved"}),
        ({"words": "Unread words"}, {"words_review": "approved"}),
        ({}, {"confirmed_on": TODAY.replace(day=1)}),
    ],
)
def test_an_edited_row_is_on_no_list(
    db: Session, keys: ServerKeys, ring: KeyRing, made: dict[str, Any], columns: dict[str, Any]
) -> None:
    decisions = {name: made[name] for name in ("held_for", "invalidation_id") if name in made}
    others = {name: value for name, value in made.items() if name not in decisions}
    signature = make_signature(db, keys, name="Vera Victim", **others)
    decide(db, signature.row, **decisions)
    make_signature(db, keys, name="Honest Name")
    write(db, signature, **columns)

    assert lists(db, ring) == [[("Honest Name", "")]] * 2
    assert ring.altered == {signature.row.context}


def test_a_name_written_into_the_database_is_not_published(db: Session, keys: ServerKeys) -> None:
    forged, refused, shown = (make_signature(db, keys, disclosure="public") for _ in range(3))
    decide(db, shown.row, public_name="Honest Name", name_review="approved")
    decide(db, refused.row, name_review="declined")
    write(db, forged, public_name="Vera Victim", name_review="approved")
    write(db, refused, public_name="Rude Word", name_review="approved")

    assert page_of_names(db).names == [("Honest Name", "de")]
    write(db, shown, public_name="Another Name")
    assert page_of_names(db).names == []


def _disclose(db: Session, made: Made, keys: ServerKeys, ring: KeyRing) -> None:
    del keys, ring
    disclose(db, made.token, "public", now=NOW, confirmation_days=7)


def _approve(db: Session, made: Made, keys: ServerKeys, ring: KeyRing) -> None:
    del keys
    assert approve_words(db, [("de", made.row.id)], ring, shown=None)[Outcome.ALTERED] == 1
    assert approve_names(db, [("de", made.row.id)], ring, shown=None)[Outcome.DECIDED] == 0


def _invalidate_and_undo(db: Session, made: Made, keys: ServerKeys, ring: KeyRing) -> None:
    del keys, ring
    decision = invalidation.record_decision(db, None, "A reason.", by="Olga", now=NOW)
    assert invalidation.invalidate(db, decision.id, [("de", made.row.id)]) == 1
    assert invalidation.undo(db, decision.id, by="Olga", now=NOW) == 1


@pytest.mark.any_database
@pytest.mark.parametrize("act", [_disclose, _approve, _invalidate_and_undo])
def test_no_later_act_makes_an_edited_row_genuine(
    db: Session,
    keys: ServerKeys,
    ring: KeyRing,
    act: Callable[[Session, Made, ServerKeys, KeyRing], None],
) -> None:
    made = make_signature(db, keys, name="Vera Victim", words="W", confirmed=False)
    write(db, made, confirmed_on=TODAY)

    act(db, made, keys, ring)
    db.commit()

    assert lists(db, ring) == [[], []]


def test_a_hold_that_was_taken_away_in_the_database_is_not_confirmed(db: Session, keys: ServerKeys) -> None:
    made = make_signature(db, keys, confirmed=False)
    decide(db, made.row, held_for="robot")
    write(db, made, held_for=None)

    with pytest.raises(ChangedError):
        confirm_one(db, keys, made.token)
    assert db.scalar(select(Signature.confirmed_on)) is None


def test_an_honest_row_stays_genuine_through_every_act(db: Session, keys: ServerKeys, ring: KeyRing) -> None:
    made = make_signature(db, keys, name="Mara Example", words="Mine.", confirmed=False)
    decide(db, made.row, held_for="network")
    confirm_one(db, keys, made.token)
    assert invalidation.release(db, [("de", made.row.id)]) == 1
    _invalidate_and_undo(db, made, keys, ring)
    disclose(db, made.token, "public", now=NOW, confirmation_days=7)
    db.commit()
    key = [("de", made.row.id)]

    assert approve_names(db, key, ring, shown=None)[Outcome.DECIDED] == 1
    assert approve_words(db, key, ring, shown=None)[Outcome.DECIDED] == 1
    db.commit()
    assert lists(db, ring) == [[("Mara Example", "Mine.")]] * 2
    assert page_of_names(db).names == [("Mara Example", "de")]
    assert not ring.altered


def test_altered_signatures_are_counted_and_said(db: Session, keys: ServerKeys, owner: Unlocked) -> None:
    forged, moved, counted, gone, honest = (
        make_signature(db, keys, disclosure=each)
        for each in ("public", "counted", "counted", "delegation", "public")
    )
    withdraw(db, gone.token, now=NOW, confirmation_days=7)
    decide(db, honest.row, public_name="Honest Name", name_review="approved")
    db.commit()
    assert (altered.count_altered(db), altered_row.altered(db)) == (0, [])
    write(db, forged, public_name="Vera Victim", name_review="approved")
    write(db, moved, digest=b"x" * 32)
    write(db, counted, held_for="robot")

    altered.note(db, altered.count_altered(db))

    assert altered_row.altered(db) == ["2 signatures"]
