"""Confirming, signing and deciding in simultaneous transactions, which only PostgreSQL allows."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from campaign.database.session import Database
from campaign.delivery import notice, outcome
from campaign.delivery.model import ACCEPTED
from campaign.errors import DeliveryError
from campaign.organiser.account import Unlocked
from campaign.sealing.key_ring import key_ring
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature import confirm as confirming
from campaign.signature import invalidation
from campaign.signature.confirm import Confirmation
from campaign.signature.data_request import Subject, erase_for
from campaign.signature.model import Signature, SignatureKey
from campaign.signature.recount import compare
from campaign.signature.withdraw import withdraw
from campaign.web.signature_writer import SignatureWriter
from tests.conftest import NOW, new_database
from tests.signature.test_signature import DAYS, sign
from tests.support.factories import address_digest, decide, make_delivery, make_owner, make_signature
from tests.support.worker import eventually


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with new_database("postgresql", request, tmp_path) as url:
        yield url


@pytest.fixture
def before_locking(database: Database) -> Callable[[Callable[[], None]], None]:
    """Give a function that registers a callback for the moment before *database* locks its first row."""
    waiting: list[Callable[[], None]] = []

    def look(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "FOR UPDATE" in statement and waiting:
            waiting.pop()()

    event.listen(database.engine, "before_cursor_execute", look)
    return waiting.append


def keys_of(db: Session) -> list[SignatureKey]:
    rows = [(state_code, each) for state_code, each in db.execute(select(Signature.state_code, Signature.id))]
    db.commit()
    return rows


def confirm_together(database: Database, keys: ServerKeys, tokens: list[str]) -> None:
    pressed = [Confirmation(token) for token in tokens]
    with database.writing() as db:
        confirming.confirm(db, pressed, keys=keys, now=NOW, confirmation_days=DAYS)


def test_who_is_released_while_confirming_counts(
    database: Database, db: Session, keys: ServerKeys, before_locking: Callable[[Callable[[], None]], None]
) -> None:
    token = sign(db, keys)
    decide(db, db.scalars(select(Signature)).one(), held_for="network")
    db.flush()
    held = keys_of(db)

    def release() -> None:
        with database.writing() as other:
            assert invalidation.release(other, held)

    before_locking(release)
    confirm_together(database, keys, [token])

    assert compare(db) == []
    assert db.scalar(select(Signature.confirmed_on)) == NOW.date()


def test_who_is_invalidated_while_confirming_counts_not(
    database: Database, db: Session, keys: ServerKeys, before_locking: Callable[[Callable[[], None]], None]
) -> None:
    token = sign(db, keys)
    decision = invalidation.record_decision(db, None, "made up", by="Olga", now=NOW).id
    chosen = keys_of(db)

    def invalidate() -> None:
        with database.writing() as other:
            assert invalidation.invalidate(other, decision, chosen)

    before_locking(invalidate)
    confirm_together(database, keys, [token])

    assert compare(db) == []


def test_undoing_a_decision_waits_for_one_that_invalidates_more_without_a_deadlock(
    database: Database, db: Session, keys: ServerKeys
) -> None:
    make_signature(db, keys, email="mara@example.org")
    decision, chosen = invalidation.record_decision(db, None, "made up", by="Olga", now=NOW).id, keys_of(db)
    invalidation.invalidate(db, decision, chosen)
    db.commit()

    def undo() -> int:
        with database.writing() as other:
            return invalidation.undo(other, decision, by="Olga", now=NOW)

    with ThreadPoolExecutor(1) as pool:
        with database.session(writes=True) as more:
            more.execute(select(Signature.id).with_for_update())
            undoing = pool.submit(undo)
            assert eventually(lambda: db.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
            # The decision's own row, which invalidating updates after the signatures.
            assert invalidation.invalidate(more, decision, chosen) == 0
            more.commit()
        assert undoing.result() == 1

    assert compare(db) == []


def erase_on_request(
    database: Database, owner: Unlocked, keys: ServerKeys, chosen: list[SignatureKey]
) -> int:
    with database.writing() as db:
        subject = Subject("mara@example.org", keys, key_ring(db, owner.campaign_private_key))
        return len(erase_for(db, subject, chosen, now=NOW))


def test_who_withdraws_while_being_erased_on_request_is_taken_off_once(
    database: Database, db: Session, keys: ServerKeys, before_locking: Callable[[Callable[[], None]], None]
) -> None:
    owner, made = make_owner(db), make_signature(db, keys, email="mara@example.org")

    def withdraw_by_link() -> None:
        with database.writing() as other:
            withdraw(other, made.token, now=NOW, confirmation_days=DAYS)

    before_locking(withdraw_by_link)
    assert erase_on_request(database, owner, keys, keys_of(db)) == 0

    assert compare(db) == []


def test_who_is_put_back_while_being_erased_on_request_is_told_to_the_delegation(
    database: Database, db: Session, keys: ServerKeys, before_locking: Callable[[Callable[[], None]], None]
) -> None:
    owner, made = make_owner(db), make_signature(db, keys, email="mara@example.org")
    make_delivery(db, [made.row])
    decision, chosen = invalidation.record_decision(db, None, "made up", by="Olga", now=NOW).id, keys_of(db)
    invalidation.invalidate(db, decision, chosen)
    db.commit()

    def put_back() -> None:
        with database.writing() as other:
            assert invalidation.undo(other, decision, by="Olga", now=NOW)

    before_locking(put_back)
    assert erase_on_request(database, owner, keys, chosen) == 1

    assert notice.count_pending(db) == 1
    assert compare(db) == []


def test_a_reply_that_another_organiser_noted_meanwhile_is_not_overwritten(
    database: Database, db: Session, keys: ServerKeys
) -> None:
    delivery = make_delivery(db, [make_signature(db, keys).row], sending_at=NOW)
    assert delivery.status == ACCEPTED
    with database.writing() as other:
        outcome.note_reply(other, delivery.id, replied_on=NOW.date(), note="Thanks.", by="Olga", now=NOW)

    with pytest.raises(DeliveryError):
        outcome.note_bounce(db, delivery.id, by="Oleg", now=NOW)


def test_a_row_that_somebody_keeps_locked_holds_up_nobody_but_its_owner(
    settings: Settings, database: Database, db: Session, keys: ServerKeys
) -> None:
    writer = SignatureWriter(settings, database, keys, lambda: NOW)
    tokens = [sign(db, keys, email=f"mara{at}@example.org") for at in range(5)]
    kept, *others = map(Confirmation, tokens)
    digest = address_digest(keys, "de", "mara0@example.org")
    with ThreadPoolExecutor(5) as pool, database.session(writes=True) as at_a_console:
        at_a_console.execute(select(Signature.id).where(Signature.digest == digest).with_for_update())
        first = pool.submit(writer.confirm, kept)
        waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        assert eventually(lambda: first.done() or db.scalar(waits))
        for done in [pool.submit(writer.confirm, each) for each in others]:
            done.result()
        with pytest.raises(OperationalError):
            first.result()

    writer.confirm(kept)
    assert compare(db) == []


def test_deciding_and_confirming_lock_in_one_order(database: Database, db: Session, keys: ServerKeys) -> None:
    tokens = [sign(db, keys, email=f"mara{at}@example.org") for at in range(30)]
    decision = invalidation.record_decision(db, None, "made up", by="Olga", now=NOW).id
    chosen = keys_of(db)
    overlap = threading.Event()

    def linger(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "FOR UPDATE" in statement:
            overlap.set()
            time.sleep(0.003)

    event.listen(database.engine, "before_cursor_execute", linger)

    def decide() -> None:
        overlap.wait()
        with database.writing() as other:
            invalidation.invalidate(other, decision, chosen)

    with ThreadPoolExecutor(2) as pool:
        for done in (pool.submit(confirm_together, database, keys, tokens), pool.submit(decide)):
            done.result()

    assert compare(db) == []
