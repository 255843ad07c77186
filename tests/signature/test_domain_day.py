"""Thresholds for confirmed signatures under one mail domain."""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.guard.threshold import CONFIRMED_PER_DOMAIN, CONFIRMED_PER_LETTER
from campaign.reference.participating_state import STATES
from campaign.signature.domain_day import (
    LINKS,
    ConfirmedLink,
    DomainDay,
    count_above_threshold,
    count_confirmed,
    delete_expired,
)
from tests.conftest import NOW
from tests.support.docs import SECURITY

TODAY = NOW.date()

DOMAIN = b"d" * 32


def link(*letters: str, domain: bytes = DOMAIN, is_first: bool = True) -> ConfirmedLink:
    return ConfirmedLink(domain, frozenset((state, uuid4()) for state in letters), is_first)


def test_the_thresholds_are_those_that_are_documented() -> None:
    said = SECURITY.read_text()

    assert f"more than {CONFIRMED_PER_DOMAIN} links, a day under one domain" in said
    assert f"of {CONFIRMED_PER_LETTER} mailboxes with all 57 letters" in said


def confirm(db: Session, *letters: str, domain: bytes = DOMAIN, is_first: bool = True) -> int:
    """Count what one link confirms; return how many of its signatures are held."""
    return len(count_confirmed(db, [link(*letters, domain=domain, is_first=is_first)], on=TODAY))


def test_signatures_of_one_letter_are_held_beyond_the_threshold_however_they_come(db: Session) -> None:
    batch = [link("de") for _ in range(CONFIRMED_PER_LETTER - 2)]
    assert count_confirmed(db, batch, on=TODAY) == set()
    assert confirm(db, "de") == 0
    assert count_above_threshold(db, on=TODAY) == 0

    assert len(count_confirmed(db, [link("de") for _ in range(4)], on=TODAY)) == 3
    assert confirm(db, "de", "fr") == 1
    assert confirm(db, "de", domain=b"e" * 32) == 0
    assert count_above_threshold(db, on=TODAY) == 1


def test_colleagues_may_each_sign_every_letter(db: Session) -> None:
    assert [confirm(db, *STATES) for _ in range(CONFIRMED_PER_LETTER)] == [0] * CONFIRMED_PER_LETTER
    assert confirm(db, *STATES) == len(STATES)


def test_links_of_one_domain_are_held_beyond_the_threshold_whatever_letters_they_confirm(
    db: Session,
) -> None:
    letters = (list(STATES) * 2)[: CONFIRMED_PER_DOMAIN - 1]
    assert not any(confirm(db, state) for state in letters)
    assert len(count_confirmed(db, [link("at"), link("be", "ch")], on=TODAY)) == 1
    assert count_above_threshold(db, on=TODAY) == 1
    assert confirm(db, "cy", is_first=False) == 1, "as if confirmed together"


def test_further_letters_of_a_link_do_not_count_for_its_domain_again(db: Session) -> None:
    assert confirm(db, "de") == 0
    assert not any(confirm(db, state, is_first=False) for state in STATES)
    assert count_above_threshold(db, on=TODAY) == 0
    assert db.scalar(select(DomainDay.confirmed).where(DomainDay.state_code == LINKS)) == 1


def test_counts_are_deleted_on_the_next_day(db: Session) -> None:
    confirm(db, "de")
    delete_expired(db, now=NOW)
    assert db.scalar(select(DomainDay.confirmed)) == 1
    delete_expired(db, now=NOW + timedelta(days=1))
    assert db.scalar(select(DomainDay.confirmed)) is None
