"""Thresholds for confirmed signatures under one mail domain."""

from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.guard.threshold import CONFIRMED_PER_DOMAIN, CONFIRMED_PER_LETTER
from campaign.reference.participating_state import STATES
from campaign.signature.domain_day import DomainDay, count_above_threshold, count_confirmed, delete_expired
from tests.conftest import NOW

TODAY = NOW.date()

DOMAIN = b"d" * 32


def confirm(db: Session, state: str = "de", domain: bytes = DOMAIN) -> bool:
    """Count one signature; return whether it is held."""
    return bool(count_confirmed(db, {(state, uuid4()): domain}, on=TODAY))


def test_signatures_of_one_letter_are_held_beyond_the_threshold_however_they_come(db: Session) -> None:
    batch = {("de", uuid4()): DOMAIN for _ in range(CONFIRMED_PER_LETTER - 2)}
    assert count_confirmed(db, batch, on=TODAY) == set()
    assert not confirm(db)
    assert count_above_threshold(db, on=TODAY) == 0

    more: dict[tuple[str, UUID], bytes] = {("de", uuid4()): DOMAIN for _ in range(4)}
    assert len(count_confirmed(db, more, on=TODAY)) == 3
    assert confirm(db)
    assert not confirm(db, domain=b"e" * 32)
    assert count_above_threshold(db, on=TODAY) == 1


def test_one_person_may_sign_every_letter_from_a_domain_of_their_own(db: Session) -> None:
    assert len(STATES) <= CONFIRMED_PER_DOMAIN
    assert not any(confirm(db, state) for state in STATES)
    rest = [confirm(db, state) for state in list(STATES)[: CONFIRMED_PER_DOMAIN - len(STATES) + 1]]
    assert rest == [False] * (len(rest) - 1) + [True]


def test_counts_are_deleted_on_the_next_day(db: Session) -> None:
    confirm(db)
    delete_expired(db, now=NOW)
    assert db.scalar(select(DomainDay.confirmed)) == 1
    delete_expired(db, now=NOW + timedelta(days=1))
    assert db.scalar(select(DomainDay.confirmed)) is None
