"""Group commit: simultaneous changes share one transaction, and each is made wholly or not at all."""

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from campaign.database.fact import Fact, save_fact
from campaign.database.group_commit import MAX_BATCH, GroupCommit
from campaign.database.session import Database
from campaign.errors import CampaignError, ChangedError, ProofError, UnknownTokenError
from campaign.guard.proof_of_work import Proof
from campaign.mail import outbox
from campaign.mail.daily_limit import MailRequest, reserve_mails
from campaign.sealing.server_key import ServerKeys
from campaign.signature import confirm as confirming
from campaign.signature import count
from campaign.signature import sign as signing_up
from campaign.signature.confirm import Confirmation
from campaign.signature.model import Signature
from campaign.signature.recount import compare
from tests.conftest import NOW
from tests.signature.test_signature import confirm, sign, signing
from tests.support.factories import address_digest, decide
from tests.support.outbox import mails

SECONDS = 120


class Crowd:
    """Changes that all arrive while the transaction of a first one is under way."""

    def __init__(self, database: Database) -> None:
        self.group: GroupCommit[str, str] = GroupCommit(database, self.perform)
        self.under_way, self.go_on = threading.Event(), threading.Event()
        self.batches: list[list[str]] = []

    def perform(self, db: Session, changes: Sequence[str]) -> list[str]:
        self.batches.append(list(changes))
        for change in changes:
            if change == "first":
                self.under_way.set()
                assert self.go_on.wait(SECONDS)
            save_fact(db, change, "done")
            db.flush()
            if change.startswith("bad"):
                raise CampaignError(change)
            if change == "broken":
                raise OperationalError("SELECT 1", {}, Exception("the disk is full"))
        return [f"{change} is done" for change in changes]

    def commit(self, *changes: str) -> list[Future[str]]:
        with ThreadPoolExecutor(len(changes) + 1) as pool:
            first = pool.submit(self.group.commit, "first")
            assert self.under_way.wait(SECONDS)
            others = []
            for change in changes:
                others.append(pool.submit(self.group.commit, change))
                while len(self.group._waiting) < len(others):  # in this order
                    pass
            self.go_on.set()
        return [first, *others]


@pytest.fixture
def crowd(database: Database) -> Crowd:
    return Crowd(database)


def committed(database: Database) -> set[str]:
    with database.reading() as db:
        return set(db.scalars(select(Fact.name).where(Fact.content == "done")))


def test_changes_that_arrive_during_a_transaction_share_the_next(database: Database, crowd: Crowd) -> None:
    commits = []
    event.listen(database.engine, "commit", commits.append)

    outcomes = crowd.commit("a", "b", "c")

    assert [each.result() for each in outcomes] == ["first is done", "a is done", "b is done", "c is done"]
    assert crowd.batches == [["first"], ["a", "b", "c"]]
    assert len(commits) == 2
    assert committed(database) == {"first", "a", "b", "c"}


def test_a_change_that_fails_undoes_nothing_else(database: Database, crowd: Crowd) -> None:
    _first, a, bad, c, worse = crowd.commit("a", "bad", "c", "bad too")

    assert (a.result(), c.result()) == ("a is done", "c is done")
    for failed, said in ((bad, "bad"), (worse, "bad too")):
        with pytest.raises(CampaignError, match=f"^{said}$"):
            failed.result()
    assert committed(database) == {"first", "a", "c"}


def test_without_a_database_every_change_fails_and_nothing_is_stored(
    database: Database, crowd: Crowd
) -> None:
    _first, *others = crowd.commit("a", "broken", "c")

    for each in others:
        with pytest.raises(OperationalError):
            each.result()
    assert len(crowd.batches) == 2, "each was tried again by itself"
    assert committed(database) == {"first"}
    assert crowd.group.commit("d") == "d is done"


def test_many_changes_are_split_into_batches(database: Database, crowd: Crowd) -> None:
    changes = [f"change {at}" for at in range(MAX_BATCH + 3)]

    crowd.commit(*changes)

    assert [len(batch) for batch in crowd.batches] == [1, MAX_BATCH, 3]
    assert committed(database) == {"first", *changes}


def test_signatures_of_one_batch_are_as_if_recorded_one_by_one(db: Session, keys: ServerKeys) -> None:
    confirm(db, keys, sign(db, keys, email="known@example.org"))

    signing_up.sign(
        db,
        [signing(keys, "known@example.org"), signing(keys, "new@example.org")],
        keys=keys,
        now=NOW,
        confirmation_days=7,
    )
    db.commit()

    sent = {mail.recipient: str(mail.params["token"]) for mail in mails(db, keys)}
    assert [mail.purpose for mail in mails(db, keys)] == ["confirm"] * 3
    assert confirm(db, keys, sent["new@example.org"]).confirmed_on == NOW.date()
    assert len(db.scalars(select(Signature).where(Signature.confirmed_on.is_not(None))).all()) == 2


def test_a_mailbox_gets_five_mails_a_day_also_when_all_are_requested_at_once(
    db: Session, keys: ServerKeys
) -> None:
    many = [signing(keys, "MARA@example.org" if at % 2 else "mara@example.org") for at in range(8)]

    signing_up.sign(db, [*many, signing(keys, "other@example.org")], keys=keys, now=NOW, confirmation_days=7)
    db.commit()

    assert Counter(mail.purpose for mail in mails(db, keys)) == {"confirm": 6, outbox.DECOY: 3}


def test_a_proof_is_used_once_also_by_simultaneous_signatures(database: Database, keys: ServerKeys) -> None:
    once = Proof(b"p" * 32, NOW)
    pair = [signing(keys, email, proof=once) for email in ("a@example.org", "b@example.org")]

    with pytest.raises(ProofError), database.writing() as db:
        signing_up.sign(db, pair, keys=keys, now=NOW, confirmation_days=7)

    with database.reading() as db:
        assert db.scalars(select(Signature)).all() == []


def reserve(db: Session, *mailboxes: bytes) -> None:
    reserve_mails(db, [MailRequest(each, b"link", b"domain") for each in mailboxes], on=NOW.date())


def test_mailboxes_are_locked_in_one_order_so_that_there_is_no_deadlock(database: Database) -> None:
    first, second = b"a" * 32, b"b" * 32
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")

    def take(*mailboxes: bytes) -> None:
        with database.writing() as db:
            reserve(db, *mailboxes)

    with ThreadPoolExecutor(1) as pool, database.session(writes=True) as db:
        reserve(db, first)
        other = pool.submit(take, second, first)
        while not database.is_sqlite and not db.scalar(waits):
            pass
        reserve(db, second)
        db.commit()
        other.result()


def confirm_together(db: Session, keys: ServerKeys, *tokens: str) -> list[object]:
    outcomes = confirming.confirm(
        db, [Confirmation(token) for token in tokens], keys=keys, now=NOW, confirmation_days=7
    )
    db.commit()
    return [outcome if isinstance(outcome, tuple) else type(outcome) for outcome in outcomes]


def test_simultaneous_confirmations_count_once_for_each_mailbox(db: Session, keys: ServerKeys) -> None:
    mara, again = sign(db, keys, email="mara@example.org"), sign(db, keys, email="MARA@example.org")
    pavel, unknown = sign(db, keys, email="pavel@example.org", state_code="fr"), "0" * 20

    outcomes = confirm_together(db, keys, mara, pavel, unknown, again, mara)

    assert outcomes[0] == outcomes[4] != outcomes[1]
    assert outcomes[2:4] == [UnknownTokenError, ChangedError]
    assert count.by_state(db) == {"de": 1, "fr": 1}
    assert compare(db) == []
    assert len(db.scalars(select(Signature)).all()) == 2
    assert confirm_together(db, keys, again, mara, pavel) == [ChangedError, outcomes[0], outcomes[1]]
    assert count.total(db) == 2


def test_a_signature_held_for_review_is_confirmed_but_not_counted(db: Session, keys: ServerKeys) -> None:
    held, free = sign(db, keys, email="held@example.org"), sign(db, keys, email="free@example.org")
    digest = address_digest(keys, "de", "held@example.org")
    decide(db, db.scalars(select(Signature).where(Signature.digest == digest)).one(), held_for="robot")
    db.flush()

    confirm_together(db, keys, held, free)

    assert len(db.scalars(select(Signature).where(Signature.confirmed_on.is_not(None))).all()) == 2
    assert count.by_residence(db, "de") == {"FR": 1}
    assert compare(db) == []
