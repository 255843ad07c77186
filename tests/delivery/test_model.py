from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from campaign.delivery.model import (
    LONGEST_SENDING,
    SENDING,
    TRANSITIONS,
    UNCERTAIN,
    Delivery,
    advance,
    mark_interrupted,
)
from tests.conftest import NOW
from tests.support.factories import make_delivery

LEGAL = {
    ("prepared", "sending"),
    ("prepared", "delayed"),
    ("prepared", "refused"),
    ("sending", "accepted"),
    ("sending", "delayed"),
    ("sending", "refused"),
    ("sending", "uncertain"),
    ("accepted", "bounced"),
    ("accepted", "replied"),
    ("uncertain", "bounced"),
    ("uncertain", "replied"),
    ("bounced", "replied"),
    ("replied", "replied"),
}


def status(db: Session, delivery: Delivery) -> str:
    db.expire_all()
    return db.get_one(Delivery, delivery.id).status


def test_a_status_changes_only_as_the_table_allows(db: Session) -> None:
    delivery = make_delivery(db, [])
    for before in TRANSITIONS:
        for after in TRANSITIONS:
            db.execute(update(Delivery).values(status=before))
            is_legal = (before, after) in LEGAL

            changed = advance(db, after, Delivery.id == delivery.id)

            assert changed == ([delivery.id] if is_legal else []), (before, after)
            assert status(db, delivery) == (after if is_legal else before)


def test_a_status_that_is_in_no_row_of_the_table_is_never_set(db: Session) -> None:
    delivery = make_delivery(db, [])

    assert advance(db, "lost", Delivery.id == delivery.id) == []


@pytest.mark.parametrize(
    ("ago", "expected"),
    [(LONGEST_SENDING, SENDING), (LONGEST_SENDING + timedelta(seconds=1), UNCERTAIN)],
)
def test_a_delivery_that_is_sending_for_too_long_becomes_uncertain(
    db: Session, ago: timedelta, expected: str
) -> None:
    delivery = make_delivery(db, [], status=SENDING, sending_at=NOW - ago, settled_at=None)

    mark_interrupted(db, now=NOW)

    assert status(db, delivery) == expected
