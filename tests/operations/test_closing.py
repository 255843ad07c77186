"""After the close: what is erased is announced first, and doubtful erasures wait for an owner."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database.fact import save_fact
from campaign.database.session import Database
from campaign.delivery.model import Delivery, DeliveryRow
from campaign.mail import daily_limit, outbox
from campaign.mail.daily_limit import MailboxDay
from campaign.mail.outbox import OutboxMail
from campaign.operations import closing
from campaign.operations.clock_watch import ClockWatch
from campaign.operations.doctor.examine import examine
from campaign.organiser.audit_log import AuditEntry
from campaign.sealing.campaign_key import DESTROYED_AT
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.announcement import (
    DIGESTS,
    NAMES,
    ErasureAnnouncement,
    announcements,
    erased_close,
    names_erased_on,
)
from campaign.signature.erase import names_due_on
from campaign.signature.model import Signature, SignatureToken
from campaign.worker import job
from campaign.worker.job import Run
from tests.conftest import NOW, Clock
from tests.support.factories import make_delivery, make_owner, make_signature

TODAY = NOW.date()


class Worker:
    """The worker of a site whose days the test lets pass."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self.settings = settings
        self.database = database
        self.clock = clock
        self.watch = ClockWatch(clock)

    def restart(self) -> None:
        self.watch = ClockWatch(self.clock)

    def hour(self, **changes: object) -> None:
        """Do what the worker does each minute and each hour."""
        self.settings = replace(self.settings, **changes)  # type: ignore[arg-type]
        for task in (job.sweep_outbox, job.erase_due):
            with self.database.session(writes=True) as db:
                task(
                    Run(
                        settings=self.settings,
                        database=self.database,
                        db=db,
                        now=self.clock(),
                        watch=self.watch,
                    )
                )
                db.commit()

    def days(self, number: int, *, runs: int = 1) -> None:
        """Let days pass, on each of which the worker runs so often."""
        for _ in range(number * runs):
            self.clock.forward(hours=24 / runs)
            self.hour()

    def left(self) -> tuple[int, int, int]:
        """Return the number of sealed boxes, digests and links."""
        with self.database.reading() as db:
            return (
                db.scalar(select(func.count(Signature.sealed))) or 0,
                db.scalar(select(func.count(Signature.digest))) or 0,
                db.scalar(select(func.count(SignatureToken.hash))) or 0,
            )

    def log(self) -> list[tuple[str, str, str]]:
        with self.database.reading() as db:
            entries = db.scalars(select(AuditEntry).where(AuditEntry.act.contains("erase")))
            return sorted((each.organiser, each.act, each.about) for each in entries)

    def doubts(self, kind: str) -> str | None:
        with self.database.reading() as db:
            row = announcements(db).get(kind)
        return row.doubts if row and row.is_waiting else None


@pytest.fixture
def worker(settings: Settings, database: Database, clock: Clock) -> Worker:
    return Worker(settings, database, clock)


@pytest.fixture
def signed(db: Session, keys: ServerKeys) -> Callable[[date], None]:
    def sign(on: date) -> None:
        rows = [make_signature(db, keys, on=on).row for _ in range(3)]
        make_delivery(db, rows)
        db.commit()
        db.close()

    return sign


@pytest.mark.any_database
@pytest.mark.parametrize("days_open", [-60, 60])
def test_a_begun_announcement_that_was_inserted_erases_nothing_early(
    worker: Worker, signed: Callable[[date], None], days_open: int
) -> None:
    signed(TODAY)
    closes_on = TODAY + timedelta(days=days_open)
    due_on = names_due_on(
        closes_on, worker.settings.erase_months_after_close, worker.settings.confirmation_days
    )
    assert due_on > TODAY
    with worker.database.writing() as db:
        days = {"closes_on": closes_on, "due_on": due_on, "announced_on": TODAY, "seen_on": TODAY}
        db.add(ErasureAnnouncement(kind=NAMES, days=9, is_begun=True, **days))

    worker.hour(closes_on=closes_on)

    assert worker.left()[0] == 3


@pytest.mark.any_database
def test_no_row_is_scrubbed_while_a_key_is_left(
    worker: Worker, signed: Callable[[date], None], db: Session
) -> None:
    signed(TODAY)
    make_owner(db)
    db.close()
    with worker.database.writing() as writing:
        save_fact(writing, DESTROYED_AT, NOW.isoformat())

    worker.hour()

    assert worker.left() == (3, 3, 3)


@pytest.mark.any_database
def test_last_years_number_in_the_closing_day_destroys_nothing(
    worker: Worker, signed: Callable[[date], None]
) -> None:
    signed(TODAY)
    worker.hour(closes_on=TODAY.replace(year=2025))
    assert worker.left() == (3, 3, 3)

    worker.days(10)
    assert worker.left() == (3, 3, 3)
    assert (worker.doubts(DIGESTS), worker.doubts(NAMES)) == ("young", "young")

    worker.hour(closes_on=date(2027, 11, 23))
    assert (worker.doubts(DIGESTS), worker.doubts(NAMES)) == (None, None)
    assert worker.log() == []


def test_a_clock_three_years_ahead_destroys_nothing_and_its_return_withdraws_the_announcement(
    worker: Worker, signed: Callable[[date], None], db: Session, keys: ServerKeys
) -> None:
    signed(TODAY)
    make_signature(db, keys, confirmed=False)
    outbox.add(db, keys, purpose="confirm", language="en", recipient="m@example.org", params={}, now=NOW)
    db.commit()
    db.close()
    worker.hour(closes_on=TODAY + timedelta(days=90))
    worker.clock.time += timedelta(days=3 * 365)
    worker.restart()
    worker.hour()
    worker.clock.forward(hours=1)
    worker.hour()

    assert worker.left() == (4, 4, 4)
    with worker.database.reading() as reading:
        assert reading.scalars(select(OutboxMail.status)).all() == ["waiting"]
    assert (worker.doubts(DIGESTS), worker.doubts(NAMES)) == ("clock", "clock")
    worker.days(10)
    assert worker.left() == (3, 3, 3), "by then what was pending is erased, and no more"

    worker.clock.time -= timedelta(days=3 * 365)
    worker.hour()
    assert (worker.doubts(DIGESTS), worker.doubts(NAMES)) == (None, None)


@pytest.mark.any_database
def test_a_clock_that_is_set_ahead_while_the_worker_runs_is_noticed_by_the_monotonic_one(
    worker: Worker, db: Session, keys: ServerKeys
) -> None:
    outbox.add(db, keys, purpose="confirm", language="en", recipient="m@example.org", params={}, now=NOW)
    db.commit()
    db.close()
    worker.hour()
    for _ in range(5):
        worker.clock.forward(hours=1)
        worker.clock.time += timedelta(hours=5)
        worker.hour()

    with worker.database.reading() as reading:
        assert reading.scalars(select(OutboxMail.status)).all() == ["waiting"]


@pytest.mark.any_database
def test_two_machines_whose_clocks_differ_by_years_erase_nothing(
    worker: Worker, db: Session, keys: ServerKeys
) -> None:
    make_signature(db, keys, confirmed=False)
    db.close()
    other, ahead = ClockWatch(worker.clock), timedelta(days=1000)
    for _ in range(12):
        worker.clock.forward(hours=6)
        worker.hour()
        with worker.database.session(writes=True) as session:
            now = worker.clock() + ahead
            job.erase_due(
                Run(settings=worker.settings, database=worker.database, db=session, now=now, watch=other)
            )
            session.commit()

    assert worker.left() == (1, 1, 1)


def test_after_an_announced_week_digests_go_and_months_later_names(
    worker: Worker, signed: Callable[[date], None]
) -> None:
    signed(TODAY)
    worker.hour(closes_on=TODAY, erase_months_after_close=1)
    assert worker.log() == []

    worker.days(8)
    assert worker.left() == (3, 0, 3)
    assert worker.log() == [("worker", "erase digests", "of 3 signatures")]
    worker.days(15)
    assert worker.left() == (3, 0, 3)
    worker.days(7)
    assert worker.left() == (0, 0, 0)
    assert worker.log() == [
        ("worker", "erase digests", "of 3 signatures"),
        ("worker", "erase names", "of 3 signatures"),
    ]
    with worker.database.reading() as db:
        assert db.scalar(select(func.count()).select_from(DeliveryRow)) == 0
        assert db.scalars(select(Delivery.named)).all() == [3]
        assert names_erased_on(db) is not None


@pytest.mark.any_database
def test_what_recognises_a_mailbox_stays_while_somebody_may_still_confirm(
    worker: Worker, signed: Callable[[date], None]
) -> None:
    signed(TODAY)
    worker.hour(closes_on=TODAY, confirmation_days=10)
    worker.days(10)
    assert worker.left() == (3, 3, 3)

    worker.days(1)
    assert worker.left() == (3, 0, 3)


@pytest.mark.any_database
def test_a_worker_that_first_runs_after_the_day_still_announces_for_a_week(
    worker: Worker, signed: Callable[[date], None]
) -> None:
    signed(TODAY - timedelta(days=300))
    worker.hour(closes_on=TODAY - timedelta(days=299))
    worker.days(6, runs=4)  # days are counted, not runs
    assert worker.left() == (3, 3, 3)

    worker.days(1)
    assert worker.left() == (0, 0, 0)


@pytest.mark.any_database
def test_a_day_on_which_no_worker_ran_announced_nothing(
    worker: Worker, signed: Callable[[date], None]
) -> None:
    signed(TODAY - timedelta(days=300))
    worker.hour(closes_on=TODAY - timedelta(days=299))
    worker.clock.forward(days=6)
    worker.hour()
    worker.days(5)
    assert worker.left() == (3, 3, 3)

    worker.days(1)
    assert worker.left() == (0, 0, 0)


def test_a_signature_that_waits_and_is_younger_than_the_close_waits_for_an_owner_too(
    worker: Worker, signed: Callable[[date], None], db: Session, keys: ServerKeys
) -> None:
    signed(TODAY - timedelta(days=300))
    make_signature(db, keys, on=TODAY, confirmed=False)
    db.close()
    worker.hour(closes_on=TODAY - timedelta(days=299))

    assert (worker.doubts(DIGESTS), worker.doubts(NAMES)) == ("young", "young")


def test_names_of_a_letter_that_was_never_delivered_wait_for_an_owner(
    worker: Worker, signed: Callable[[date], None], db: Session, keys: ServerKeys
) -> None:
    signed(TODAY - timedelta(days=300))
    make_signature(db, keys, state="fr", on=TODAY - timedelta(days=300))
    make_signature(db, keys, state="it", disclosure="counted", on=TODAY - timedelta(days=300))
    owner = make_owner(db)
    db.close()
    worker.hour(closes_on=TODAY - timedelta(days=299))
    worker.days(10)
    assert worker.left() == (4, 0, 5)
    assert worker.doubts(NAMES) == "undelivered"
    assert closing.undelivered(db) == ["fr"]
    db.close()

    with worker.database.writing() as session:
        assert closing.allow(session, NAMES, "undelivered", by=owner.name, now=worker.clock())
    worker.days(1)
    assert worker.left() == (0, 0, 0)
    assert ("Olga Organiser", "allow to erase names", "2026-01-28 undelivered") in worker.log()


def test_names_that_were_signed_after_the_only_delivery_wait_for_an_owner_too(
    worker: Worker, signed: Callable[[date], None], db: Session, keys: ServerKeys
) -> None:
    day = TODAY - timedelta(days=300)
    signed(day)
    for state, details in {
        "fr": {},
        "it": {"disclosure": "counted"},
        "be": {"disclosure": "public"},
        "nl": {"disclosure": "public"},
        "by": {},
        "es": {},
    }.items():
        early = make_signature(db, keys, state=state, on=day).row
        make_delivery(db, [early], state_code=state, status="bounced" if state == "es" else "accepted")
        later = make_signature(db, keys, state=state, on=day, organisers_only=state == "by", **details).row
        later.name_review = "declined" if state == "nl" else None
        if state == "es":
            make_delivery(db, [early, later], state_code=state)
    db.commit()
    assert closing.undelivered(db) == ["be", "fr"]
    db.close()

    worker.hour(closes_on=TODAY - timedelta(days=299))
    worker.days(10)

    assert worker.left()[0] == 14
    assert worker.doubts(NAMES) == "undelivered"


@pytest.mark.any_database
def test_a_leap_of_the_clock_takes_an_owners_word_back(
    worker: Worker, signed: Callable[[date], None], db: Session, keys: ServerKeys
) -> None:
    signed(TODAY - timedelta(days=100))
    make_signature(db, keys, state="fr", on=TODAY - timedelta(days=100))
    db.close()
    worker.hour(closes_on=TODAY - timedelta(days=80), erase_months_after_close=3)
    worker.days(8)
    with worker.database.writing() as session:
        assert closing.allow(session, NAMES, "undelivered", by="Olga", now=worker.clock())
    worker.clock.time += timedelta(days=40)
    worker.days(10)

    assert worker.left()[0] == 4
    assert worker.doubts(NAMES) == "undelivered clock"


@pytest.mark.any_database
def test_a_leap_to_before_the_announcement_waits_for_an_owner_too(
    worker: Worker, signed: Callable[[date], None]
) -> None:
    signed(TODAY - timedelta(days=10))
    worker.hour(closes_on=TODAY, erase_months_after_close=1)
    worker.clock.time += timedelta(days=20)
    worker.days(25)

    assert worker.doubts(NAMES) == "clock"
    assert worker.left()[0] == 3
    with worker.database.writing() as session:
        assert closing.allow(session, NAMES, "clock", by="Olga", now=worker.clock())
    worker.days(1)
    assert worker.left() == (0, 0, 0)


@pytest.mark.any_database
def test_an_owners_word_is_about_the_doubts_that_the_page_showed(
    worker: Worker, signed: Callable[[date], None], db: Session, keys: ServerKeys
) -> None:
    signed(TODAY - timedelta(days=100))
    make_signature(db, keys, state="fr", on=TODAY - timedelta(days=70))
    db.close()
    worker.hour(closes_on=TODAY - timedelta(days=80), erase_months_after_close=1)
    assert worker.doubts(NAMES) == "young undelivered"
    with worker.database.writing() as session:
        assert not closing.allow(session, NAMES, "undelivered", by="Olga", now=worker.clock())
    worker.days(10)

    assert worker.left()[0] == 4


@pytest.mark.any_database
def test_a_doubt_that_returns_asks_again(
    worker: Worker, signed: Callable[[date], None], db: Session, keys: ServerKeys
) -> None:
    before = TODAY - timedelta(days=100)
    signed(before)
    made = make_signature(db, keys, state="fr", on=before)
    db.close()
    worker.hour(closes_on=TODAY - timedelta(days=80), erase_months_after_close=1)
    with worker.database.writing() as session:
        assert closing.allow(session, NAMES, "undelivered", by="Olga", now=worker.clock())
    make_delivery(db, [made.row], state_code="fr")
    db.close()
    worker.hour()
    make_signature(db, keys, state="it", on=before)
    db.close()
    worker.hour()

    assert worker.doubts(NAMES) == "undelivered"


@pytest.mark.any_database
def test_a_moved_closing_day_is_announced_from_its_start(
    worker: Worker, signed: Callable[[date], None]
) -> None:
    signed(TODAY - timedelta(days=300))
    worker.hour(closes_on=TODAY - timedelta(days=299))
    worker.days(5)
    worker.hour(closes_on=TODAY - timedelta(days=298))
    worker.days(6)
    assert worker.left() == (3, 3, 3)

    worker.days(1)
    assert worker.left() == (0, 0, 0)


@pytest.mark.any_database
def test_once_digests_are_erased_the_closing_day_is_remembered(
    worker: Worker, signed: Callable[[date], None], db: Session
) -> None:
    signed(TODAY)
    worker.hour(closes_on=TODAY)
    assert erased_close(db) is None
    db.close()
    worker.days(8)
    worker.hour(closes_on=TODAY + timedelta(days=90))

    assert erased_close(db) == TODAY


def test_the_worker_also_erases_mails_and_mail_limits(worker: Worker, db: Session, keys: ServerKeys) -> None:
    long_ago = NOW - timedelta(days=2)
    outbox.add(db, keys, purpose="confirm", language="en", recipient="m@example.org", params={}, now=long_ago)
    daily_limit.reserve_link_mail(db, daily_limit.MailRequest(b"mailbox", b"link", None), on=long_ago.date())
    db.commit()
    db.close()
    worker.hour()

    with worker.database.reading() as session:
        assert session.scalars(select(OutboxMail.sealed)).all() == [None]
        assert session.scalar(select(func.count()).select_from(MailboxDay)) == 0


@pytest.mark.any_database
def test_the_doctor_says_what_has_closed_and_what_is_erased_when(
    worker: Worker, signed: Callable[[date], None], appeal: Appeal, db: Session, keys: ServerKeys
) -> None:
    signed(TODAY)
    make_signature(db, keys, state="fr")
    db.close()
    worker.hour(closes_on=TODAY)

    def said() -> str:
        found = examine(worker.settings, appeal, worker.database, now=worker.clock())
        return "\n".join(each.text for each in found)

    assert "The campaign closed" not in said()
    worker.days(1)
    assert "The campaign closed on 2026-11-23: no letter can be signed." in said()
    assert "Names are due to be erased on 2027-05-23" in said()
    assert "What recognises a mailbox is erased from 2026-12-01 on" in said()
    assert "Names were never delivered to: FR." in said()
    worker.days(8)
    worker.hour(closes_on=TODAY + timedelta(days=90))
    assert "Signing stays closed until an owner reopens it" in said()
