"""Erasures that are due, in batches, on both databases."""

import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, func, insert, or_, select, text, update
from sqlalchemy.orm import Session

from campaign.database import batch
from campaign.database.session import Database
from campaign.database.table import Base
from campaign.reference.participating_state import STATES
from campaign.sealing.campaign_key import current_key
from campaign.sealing.server_key import ServerKeys
from campaign.signature import count as tally
from campaign.signature import erase
from campaign.signature.invalidation import Invalidation
from campaign.signature.model import Signature, SignatureToken
from campaign.signature.recount import compare
from campaign.signature.withdraw import withdraw
from tests.conftest import NOW
from tests.support.factories import decide, make_signature

DAYS = 7

SHORT_WAYS = (
    "PRIMARY KEY (state_code=? AND id",
    "PRIMARY KEY (state_code>?)",
    "ix_signature_pending (signed_on<?)",
    "uq_signature_standing (state_code=? AND digest>?)",
    # The same for SQLite; afterwards only pending signatures have a digest.
    "ix_signature_mailbox (state_code=? AND digest>?)",
    # Partial indexes of rows to be erased; empty afterwards.
    "ix_signature_key",
    "ix_signature_published",
)
"""Query plans that SQLite may use: a range of a key, or a partial index of what remains."""

OF_LETTER = "SEARCH signature USING PRIMARY KEY (state_code=?)"


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "BATCH_ROWS", 3)
    monkeypatch.setattr(erase, "BATCH_ROWS", 3)


def erased(db: Session, batches: Iterator[int]) -> int:
    """Run an erasure, with a commit after each batch, and return the number of erased rows."""
    total = 0
    for rows in batches:
        db.commit()
        total += rows
    db.commit()
    db.expire_all()
    return total


def unconfirmed(db: Session, now: datetime) -> Iterator[int]:
    return erase.erase_unconfirmed(db, now=now, confirmation_days=DAYS)


def count(db: Session, table: type[Base]) -> int:
    return db.scalar(select(func.count()).select_from(table)) or 0


def make_many(db: Session, keys: ServerKeys) -> list[Signature]:
    """Make signatures of every kind for several letters, more than one batch."""
    made = [
        make_signature(
            db, keys, state=state, disclosure=disclosure, words="My own words.", confirmed=confirmed
        )
        for state in ("de", "kz")
        for disclosure in ("public", "delegation", "counted")
        for confirmed in (True, True, False)
    ]
    for each in made[:2]:
        decide(db, each.row, public_name="Mara Example", name_review="approved")
    withdraw(db, made[3].token, now=NOW, confirmation_days=DAYS)
    db.commit()
    return [each.row for each in made]


def test_unconfirmed_ones_are_erased_after_their_days_and_no_others(db: Session, keys: ServerKeys) -> None:
    rows = make_many(db, keys)
    pending = sum(1 for row in rows if row.confirmed_on is None)

    assert erased(db, unconfirmed(db, NOW + timedelta(days=DAYS))) == 0
    assert erased(db, unconfirmed(db, NOW + timedelta(days=DAYS + 1))) == pending == 6
    assert count(db, Signature) == len(rows) - pending
    assert count(db, SignatureToken) == len(rows) - pending


def test_of_two_letters_signed_with_one_id_only_the_unconfirmed_one_goes(
    db: Session, keys: ServerKeys
) -> None:
    pending = make_signature(db, keys, state="de", confirmed=False).row
    make_signature(db, keys, state="fr")
    db.execute(delete(SignatureToken))
    db.execute(update(Signature).where(Signature.state_code == "fr").values(id=pending.id))
    db.commit()
    db.expunge_all()

    assert erased(db, unconfirmed(db, NOW + timedelta(days=DAYS + 1))) == 1
    assert db.scalars(select(Signature.state_code)).all() == ["fr"]


def test_erasing_digests_leaves_those_of_pending_signatures(db: Session, keys: ServerKeys) -> None:
    rows = make_many(db, keys)
    erased(db, erase.erase_digests(db))

    for row in rows:
        assert (row.digest is not None) == (row.confirmed_on is None), row.disclosure
    assert sum(row.sealed is not None for row in rows) == 11


def test_after_the_erasure_nothing_personal_is_left(db: Session, keys: ServerKeys) -> None:
    rows = make_many(db, keys)
    db.add(
        Invalidation(made_at=NOW, organiser="Olga", key_id=current_key(db).id, sealed=b"a domain", number=1)
    )
    db.commit()
    before = {state: (tally.by_residence(db, state), tally.withdrawn(db, state)) for state in ("de", "kz")}
    erased(db, erase.erase_personal_data(db))

    for row in rows:
        assert (row.sealed, row.key_id, row.digest, row.public_name) == (None,) * 4
        assert (row.has_words, row.name_review, row.words_review) == (False, None, None)
        assert (row.disclosure, row.residence, row.signed_on) == ("counted", "FR", NOW.date())
    assert count(db, SignatureToken) == 0
    invalidation = db.scalars(select(Invalidation)).one()
    assert (invalidation.sealed, invalidation.key_id, invalidation.number) == (None, None, 1)
    assert tally.total(db) == 11
    assert before == {
        state: (tally.by_residence(db, state), tally.withdrawn(db, state)) for state in ("de", "kz")
    }
    assert compare(db) == []


def test_a_finished_erasure_does_not_search_again(db: Session, keys: ServerKeys) -> None:
    make_many(db, keys)
    erased(db, erase.erase_personal_data(db))

    # Without a pass through the table, which would have yielded for each batch.
    assert list(erase.erase_personal_data(db)) == []
    make_signature(db, keys)
    assert erased(db, erase.erase_personal_data(db)) == 2  # its personal data, and its link


@pytest.mark.parametrize("batches", [1, 9])
def test_the_next_erasure_finishes_a_killed_one_and_takes_new_rows_too(
    db: Session, keys: ServerKeys, batches: int
) -> None:
    make_many(db, keys)
    killed = erase.erase_personal_data(db)
    for _rows in islice(killed, batches):
        db.commit()
    next(killed)
    db.rollback()
    killed.close()  # type: ignore[attr-defined]
    for state in ("at", "de", "kz"):
        make_signature(db, keys, state=state, disclosure="public")
    db.commit()

    erased(db, erase.erase_personal_data(db))

    personal = or_(
        Signature.sealed.is_not(None), Signature.digest.is_not(None), Signature.key_id.is_not(None)
    )
    assert db.scalars(select(Signature.id).where(personal)).all() == []
    assert count(db, SignatureToken) == 0
    assert count(db, Signature) == 21


@pytest.mark.parametrize("kind", ["unconfirmed", "digests", "people"])
def test_no_statement_reads_a_whole_table_to_erase_a_batch(
    db: Session, keys: ServerKeys, database: Database, kind: str
) -> None:
    """Each batch costs the same whatever the table's size, because an index finds its rows."""
    make_many(db, keys)
    if not database.is_sqlite:
        # Otherwise PostgreSQL reads such small tables whole.
        db.execute(text("ANALYZE"))
        db.execute(text("SET enable_seqscan = off"))
    plans: list[str] = []
    _note_plans(db, plans)
    due = {
        "unconfirmed": unconfirmed(db, NOW + timedelta(days=DAYS + 1)),
        "digests": erase.erase_digests(db),
        "people": erase.erase_personal_data(db),
    }[kind]

    for _rows in due:
        pass

    assert plans
    for plan in plans:
        assert "Seq Scan on signature" not in plan, plan
        for step in re.findall(r"^(?:SCAN|SEARCH) signature(?: .*)?$", plan, re.MULTILINE):
            is_first_bound = step in {"SCAN signature", OF_LETTER} and "OFFSET" in plan
            assert is_first_bound or any(way in step for way in SHORT_WAYS), plan


def test_a_batch_reads_its_own_rows_and_not_the_whole_letter(
    db: Session, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite's plans, which the other test looks at, do not depend on what tables hold")
    monkeypatch.setattr(batch, "BATCH_ROWS", 20)
    same = {"edition": 1, "language": "en", "residence": "FR", "disclosure": "counted", "has_words": False}
    same |= {"signed_on": NOW.date(), "confirmed_on": NOW.date()}
    # As in a large table: many pages, and letters of several batches each.
    rows = [
        {"state_code": code, "id": uuid4(), "digest": os.urandom(32), "sealed": bytes(300), **same}
        for _ in range(100)
        for code in STATES
    ]
    db.execute(insert(Signature), rows)
    db.commit()
    db.execute(text("ANALYZE"))
    plans: list[str] = []
    _note_plans(db, plans)

    for _rows in erase.erase_digests(db):
        pass

    batches = [plan for plan in plans if plan.startswith("UPDATE") and "signature.id >" in plan]
    assert len(batches) == 5 * len(STATES)
    for plan in batches:
        assert re.search(r"Index (Scan|Cond).*pk_signature|Bitmap Index Scan on pk_signature", plan), plan


def _note_plans(db: Session, plans: list[str]) -> None:
    from sqlalchemy import event

    connection = db.connection()
    prefix = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "

    @event.listens_for(connection, "before_cursor_execute")
    def note(_c: Any, cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if "signature" in statement and "invalidation" not in statement:
            cursor.execute(prefix + statement, parameters)
            plans.append("\n".join([statement, *(str(row[-1]) for row in cursor.fetchall()), ""]))
