"""Mail figures for monitors: recorded once per quarter-hour, whatever happens meanwhile."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from campaign.database.fact import read_fact
from campaign.database.session import Database
from campaign.mail import outbox, retry, sealed_content
from campaign.mail.outbox import OutboxMail
from campaign.mail.outbox_health import SAMPLE, measure
from campaign.operations.monitor import FACT, SEVERAL, MailFigures, mail_figures
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.worker import job
from campaign.worker.job import Run
from tests.conftest import NOW, Clock

MINUTE = timedelta(minutes=1)


@pytest.fixture
def put(db: Session, keys: ServerKeys, clock: Clock) -> Callable[..., list[UUID]]:
    """Add mails to the outbox and commit."""

    def put(number: int = 1) -> list[UUID]:
        mail = sealed_content.NewMail("confirm", "en", "mara@example.org", {"token": "a"})
        ids = outbox.add_all(db, keys, [mail] * number, now=clock())
        db.commit()
        return ids

    return put


@pytest.fixture
def noted(db: Session, database: Database, settings: Settings, clock: Clock) -> Callable[[], MailFigures]:
    """Run the worker's job, and return the recorded figures."""

    def noted() -> MailFigures:
        job.note_mails(Run(settings=settings, database=database, db=db, now=clock()))
        db.commit()
        found = mail_figures(db)
        assert found is not None
        return found

    return noted


def test_mail_figures_are_recorded_once_per_quarter_hour_however_often_the_job_runs(
    db: Session, put: Callable[[], list[UUID]], noted: Callable[[], MailFigures], clock: Clock
) -> None:
    assert mail_figures(db) is None
    [mail] = put()
    clock.forward(minutes=1)
    first = noted()
    retry.give_up(db, mail, code=550)
    clock.forward(minutes=13, seconds=59)
    put()

    nothing = MailFigures(NOW, waiting=0, oldest_seconds=0, given_up=0, is_failing=False, pending=0)
    assert first == noted() == nothing
    clock.forward(seconds=1)
    assert noted() == replace(nothing, turn=NOW + 15 * MINUTE)
    put(19)
    clock.forward(minutes=15)
    assert noted() == replace(nothing, turn=NOW + 30 * MINUTE, waiting=20)
    clock.forward(minutes=15)
    assert noted().oldest_seconds == 2700


def test_few_mails_in_trouble_show_when_their_day_is_over_and_several_at_the_next_turn(
    db: Session, put: Callable[..., list[UUID]], noted: Callable[[], MailFigures], clock: Clock
) -> None:
    noted()
    for number in (4, 1):
        for mail in put(number):
            retry.give_up(db, mail, code=550)
        db.commit()
        clock.forward(minutes=15)
        assert (noted().given_up, noted().is_failing) == (0, number == 1)
    clock.forward(days=1)
    assert (noted().given_up, noted().is_failing) == (5, True)
    put(4)
    for _quarter in range(8):
        clock.forward(minutes=15)
        assert not noted().is_stuck(clock())
    put(1)
    clock.forward(minutes=30)
    assert noted().is_stuck(clock())


def test_a_worker_with_a_late_clock_changes_no_record_and_a_clock_set_back_stops_none(
    put: Callable[[], list[UUID]], noted: Callable[[], MailFigures], clock: Clock
) -> None:
    first = noted()
    put()
    clock.time = NOW - timedelta(seconds=20)
    assert noted() == first
    clock.time = NOW - timedelta(hours=1)
    assert noted().turn == clock()


def test_a_deferred_mail_is_the_oldest_though_many_others_are_due_first(
    db: Session, put: Callable[[int], list[UUID]], noted: Callable[[], MailFigures], clock: Clock
) -> None:
    oldest = put(SEVERAL)
    clock.forward(hours=2)
    put(SAMPLE)
    db.execute(
        update(OutboxMail).where(OutboxMail.id.in_(oldest)).values(due_at=clock() + timedelta(hours=1))
    )

    assert noted().oldest_seconds == timedelta(hours=2).total_seconds()
    assert measure(db, clock()).oldest_seconds == 0, "organisers see those that are next"


def test_without_a_worker_the_queue_is_stuck_after_half_an_hour(
    noted: Callable[[], MailFigures], clock: Clock
) -> None:
    last = noted()
    clock.forward(minutes=30)
    assert not last.is_stuck(clock())
    clock.forward(seconds=1)
    assert last.is_stuck(clock())
    assert not noted().is_stuck(clock())


def test_the_record_contains_only_numbers(
    db: Session, put: Callable[[], list[UUID]], noted: Callable[[], MailFigures]
) -> None:
    put()
    noted()
    content = json.loads(read_fact(db, FACT) or "")

    assert content.pop("turn") == NOW.isoformat()
    assert {type(each) for each in content.values()} == {int, bool}
