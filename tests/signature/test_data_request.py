"""Requests of data subjects: signatures are found by the address's digest, or by opening boxes."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from campaign.organiser.account import Unlocked
from campaign.sealing.key_ring import key_ring
from campaign.sealing.server_key import ServerKeys
from campaign.signature import count, data_request, search
from campaign.signature.data_request import Subject
from campaign.signature.model import Signature, SignatureKey
from campaign.signature.recount import compare
from campaign.signature.unsealed_signature import UnsealedSignature
from campaign.signature.withdraw import withdraw
from tests.conftest import NOW
from tests.support.factories import make_owner, make_signature

MARA = "mara@example.org"


@pytest.fixture
def owner(db: Session) -> Unlocked:
    return make_owner(db)


@pytest.fixture
def subject(db: Session, keys: ServerKeys, owner: Unlocked) -> Subject:
    return Subject("Mara@Example.org", keys, key_ring(db, owner.campaign_private_key))


def keys_of(found: list[UnsealedSignature]) -> list[SignatureKey]:
    return [each.key for each in found]


def forget_digests(db: Session) -> None:
    db.execute(update(Signature).values(digest=None))
    db.commit()
    db.expire_all()


def test_every_signature_of_an_address_is_found_and_opened(
    db: Session, keys: ServerKeys, subject: Subject
) -> None:
    made = [
        make_signature(db, keys, state="de", email=MARA, town="Oldtown").row,
        make_signature(db, keys, state="de", email=MARA, confirmed=False).row,
        make_signature(db, keys, state="fr", email=MARA, disclosure="counted").row,
    ]
    make_signature(db, keys, email="somebody.else@example.org")
    withdrawn = make_signature(db, keys, state="kz", email=MARA)
    withdraw(db, withdrawn.token, now=NOW, confirmation_days=7)
    db.commit()

    held = data_request.find_by_digest(db, subject)

    assert {row.id for row in made} == {each.row.id for each in held}
    towns = {each.row.id: each.details.town for each in held if each.details}
    assert towns[made[0].id] == "Oldtown"
    assert [each.details for each in held if each.row.state_code == "fr"] == [None]


def test_after_the_close_boxes_are_searched_a_part_at_a_time(
    db: Session, keys: ServerKeys, subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "BATCH", 2)
    made = [make_signature(db, keys, state=state, email=MARA).row.id for state in ("de", "kz")]
    for state in ("at", "de", "fr", "kz", "us"):
        make_signature(db, keys, state=state)
    forget_digests(db)
    assert data_request.find_by_digest(db, subject) == []

    found, parts, after = [], 0, None
    while parts == 0 or after is not None:
        opened = data_request.search_boxes(db, subject, after=after, most=2)
        assert opened.number <= 2
        found += [each.row.id for each in opened.found]
        parts, after = parts + 1, opened.after

    assert sorted(found) == sorted(made)
    assert parts == 4
    assert data_request.search_boxes(db, subject).number == data_request.count_boxes(db, is_exact=True) == 7
    monkeypatch.setattr(data_request, "MOST_COUNTED", 5)
    assert data_request.count_boxes(db, is_exact=False) == 6, "more than five"


def test_a_signature_whose_box_cannot_be_opened_is_found_without_details(
    db: Session, keys: ServerKeys
) -> None:
    make_signature(db, keys, email=MARA)
    owner = make_owner(db)  # a new pair: only the earlier setup link opens the box
    subject = Subject(MARA, keys, key_ring(db, owner.campaign_private_key))

    [held] = data_request.find_by_digest(db, subject)
    assert (held.details, held.row.sealed is not None) == (None, True)
    forget_digests(db)
    assert data_request.search_boxes(db, subject).found == []


def test_erasing_takes_a_signature_off_the_count_and_leaves_nothing_personal(
    db: Session, keys: ServerKeys, subject: Subject
) -> None:
    confirmed = make_signature(db, keys, state="de", email=MARA).row
    pending = make_signature(db, keys, state="fr", email=MARA, confirmed=False).row
    kept = make_signature(db, keys, state="kz", email=MARA).row
    chosen = [(row.state_code, row.id) for row in (confirmed, pending)]

    erased = data_request.erase_for(db, subject, chosen, now=NOW + timedelta(days=1))
    db.commit()

    assert erased == [confirmed, pending]
    for row in erased:
        assert (row.sealed, row.key_id, row.digest) == (None,) * 3
        assert row.withdrawn_on == NOW.date() + timedelta(days=1)
    assert kept.sealed is not None
    assert (count.total(db), count.withdrawn(db, "de"), count.withdrawn(db, "fr")) == (1, 1, 0)
    assert compare(db) == []
    assert data_request.erase_for(db, subject, chosen, now=NOW) == []


def test_nobody_elses_signature_can_be_shown_or_erased(
    db: Session, keys: ServerKeys, subject: Subject
) -> None:
    other = make_signature(db, keys, email="somebody.else@example.org").row
    chosen = [(other.state_code, other.id)]

    assert data_request.find_by_key(db, subject, chosen) == []
    assert data_request.erase_for(db, subject, chosen, now=NOW) == []
    forget_digests(db)
    assert data_request.find_by_key(db, subject, chosen) == []
    assert other.sealed is not None


def test_after_the_close_what_was_found_in_boxes_can_be_erased(
    db: Session, keys: ServerKeys, subject: Subject
) -> None:
    make_signature(db, keys, email=MARA)
    forget_digests(db)
    opened = data_request.search_boxes(db, subject)

    [row] = data_request.erase_for(db, subject, keys_of(opened.found), now=NOW)
    assert row.sealed is None


def test_a_subject_does_not_show_its_address_in_an_error(subject: Subject) -> None:
    assert repr(subject) == "Subject()"
