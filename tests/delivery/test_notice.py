from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from campaign.database.session import Database
from campaign.delivery import notice
from campaign.delivery.model import BOUNCED, PREPARED, Delivery
from campaign.sealing.server_key import ServerKeys
from campaign.signature import invalidation
from campaign.signature import withdraw as signature
from campaign.signature.model import Signature
from tests.conftest import NOW
from tests.support.factories import TODAY, Made, make_delivery, make_owner, make_signature


def deliver(db: Session, *made: Made, **changes: Any) -> Delivery:
    return make_delivery(db, [each.row for each in made], **changes)


def withdraw(db: Session, made: Made) -> None:
    signature.withdraw(db, made.token, now=NOW, confirmation_days=7)
    db.commit()


def test_a_number_that_was_withdrawn_or_invalidated_after_a_delivery_is_pending(
    db: Session, keys: ServerKeys
) -> None:
    make_owner(db)
    made = [make_signature(db, keys) for _ in range(4)]
    first, second = deliver(db, *made), deliver(db, *made[2:])
    withdraw(db, made[1])
    decision = invalidation.record_decision(db, None, "Made up.", by="Olga", now=NOW)
    invalidation.invalidate(db, decision.id, [("de", made[3].row.id)])
    db.commit()

    assert {each.delivery.id: each.numbers for each in notice.pending(db)} == {
        first.id: (2, 4),
        second.id: (2,),
    }


def test_the_number_of_a_signature_whose_invalidation_was_undone_is_not_pending(
    database: Database, db: Session, keys: ServerKeys
) -> None:
    make_owner(db)
    made = make_signature(db, keys)
    deliver(db, made)
    decision = invalidation.record_decision(db, None, "Made up.", by="Olga", now=NOW)
    invalidation.invalidate(db, decision.id, [("de", made.row.id)])
    db.commit()
    assert notice.count_pending(db) == 1

    invalidation.undo(db, decision.id, by="Olga", now=NOW)
    db.commit()
    refresh_marks(database, db)
    assert notice.count_pending(db) == 0

    withdraw(db, made)
    assert notice.count_pending(db) == 1


def refresh_marks(database: Database, db: Session) -> None:
    db.commit()
    with database.snapshot() as reading:
        for _rows in notice.refresh_marks(db, reading):
            db.commit()


def marked(db: Session) -> set[UUID]:
    return set(db.scalars(select(Signature.id).where(Signature.to_strike)))


def test_only_signatures_with_a_pending_notice_stay_marked(
    database: Database, db: Session, keys: ServerKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice, "BATCH", 1)
    made = [make_signature(db, keys) for _ in range(3)]
    delivery = deliver(db, *made[:2])
    for each in made:
        withdraw(db, each)
    assert marked(db) == {each.row.id for each in made}

    refresh_marks(database, db)
    assert marked(db) == {each.row.id for each in made[:2]}

    notice.record_notified(db, delivery.id, [1], on=TODAY)
    refresh_marks(database, db)
    assert marked(db) == {made[1].row.id}
    assert [each.numbers for each in notice.pending(db)] == [(2,)]


@pytest.mark.parametrize("column", ["withdrawn_on", "invalidation_id"])
def test_signatures_that_an_earlier_version_left_unmarked_are_marked(
    database: Database, db: Session, keys: ServerKeys, column: str
) -> None:
    made = [make_signature(db, keys) for _ in range(3)]
    deliver(db, *made[:2])
    gone = {"withdrawn_on": TODAY, "invalidation_id": uuid4()}[column]
    db.execute(
        update(Signature).where(Signature.id.in_([made[1].row.id, made[2].row.id])).values({column: gone})
    )
    db.commit()
    assert notice.pending(db) == []

    refresh_marks(database, db)

    assert [each.numbers for each in notice.pending(db)] == [(2,)]
    assert marked(db) == {made[1].row.id}


@pytest.mark.parametrize("status", [PREPARED, BOUNCED])
def test_a_delegation_that_never_got_the_list_gets_no_notice(
    db: Session, keys: ServerKeys, status: str
) -> None:
    made = make_signature(db, keys)
    deliver(db, made, status=status)
    withdraw(db, made)

    assert notice.pending(db) == []


def test_a_delegation_is_notified_once_of_each_number(db: Session, keys: ServerKeys) -> None:
    made = [make_signature(db, keys) for _ in range(3)]
    delivery = deliver(db, *made)
    withdraw(db, made[0])
    assert notice.record_notified(db, delivery.id, [1, 2], on=TODAY) == 1
    db.commit()
    assert notice.pending(db) == []

    withdraw(db, made[1])
    assert [each.numbers for each in notice.pending(db)] == [(2,)]
    assert notice.record_notified(db, uuid4(), [2], on=TODAY) == 0


@pytest.mark.parametrize(
    ("numbers", "written"),
    [((3,), "3"), ((3, 4), "3, 4"), ((1, 3, 4, 5, 9), "1, 3–5, 9"), ((7, 8, 9, 11, 12), "7–9, 11, 12")],
)
def test_numbers_are_written_in_spans(numbers: tuple[int, ...], written: str) -> None:
    assert notice.Notice(Delivery(), numbers).spans == written
