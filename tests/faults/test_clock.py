"""The machine's clock jumps back or forward: mails, sessions and counts stay right."""

import csv
import io
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from itertools import pairwise

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign import create_app
from campaign.database.session import Database
from campaign.mail import dispatch, outbox
from campaign.mail.outbox import OutboxMail
from campaign.operations.clock_watch import ClockWatch
from campaign.operations.doctor.examine import examine
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.recount import compare
from campaign.worker import job
from campaign.worker.job import Run
from campaign.worker.tasks import Tasks
from tests.conftest import Clock
from tests.support.factories import PASSPHRASE, make_owner
from tests.support.relay import Relay, relay
from tests.support.worker import eventually
from tests.web.conftest import OrganisersBrowser, Supporter

pytestmark = pytest.mark.fault

HOUR = timedelta(hours=1)


@pytest.fixture
def post_office() -> Iterator[Relay]:
    with relay() as server:
        yield server


@pytest.fixture
def worker(
    settings: Settings, database: Database, post_office: Relay, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Tasks]]:
    """Build mail workers whose clock the test moves."""
    monkeypatch.setattr(dispatch, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(dispatch, "POLL_SECONDS", 0.02)
    # No mail waits here, and a clock that stands still would be asked hundreds of times.
    monkeypatch.setattr(dispatch, "SPREAD", timedelta(seconds=0.1))
    built: list[Tasks] = []

    def build() -> Tasks:
        built.append(Tasks(replace(settings, smtp_url=post_office.url), database, clock=clock))
        return built[-1]

    yield build
    for each in built:
        each.close()


@pytest.fixture
def put(database: Database, keys: ServerKeys, clock: Clock) -> Callable[[str], None]:
    def put(whose: str) -> None:
        with database.writing() as db:
            outbox.add(
                db,
                keys,
                purpose="confirm",
                language="en",
                recipient=f"{whose}@example.org",
                params={"token": "0" * 20},
                now=clock(),
            )

    return put


def waiting(db: Session) -> list[OutboxMail]:
    return list(db.scalars(select(OutboxMail).where(OutboxMail.status == outbox.WAITING)))


def test_a_clock_set_back_makes_no_mail_wait_longer_than_it_would_have(
    worker: Callable[[], Tasks],
    put: Callable[[str], None],
    post_office: Relay,
    database: Database,
    clock: Clock,
) -> None:
    ours = worker()

    def minute_passes() -> list[str]:
        """Do what the worker does every minute; return the names of those that have got a mail."""
        clock.forward(minutes=1)
        ours.sweep()
        ours.send_due_mail()
        return sorted(address.partition("@")[0] for address in post_office.recipients)

    put("claimed")
    with database.writing() as db:
        assert len(outbox.claim(db, limit=1, now=clock())) == 1, "by a worker that was killed"
    post_office.answers.append("451 later")
    put("refused")
    assert minute_passes() == []
    put("fresh")
    clock.time -= HOUR

    # In the first minute: no mail is made in the future, so it leaves at once.
    assert minute_passes() == ["fresh"]
    assert minute_passes() == ["fresh", "refused"]
    got = [minute_passes() for _ in range(outbox.LEASE // timedelta(minutes=1))]
    assert got[-1] == ["claimed", "fresh", "refused"]


def test_a_mail_made_before_the_clock_was_set_back_is_given_up_after_a_day_all_the_same(
    worker: Callable[[], Tasks], put: Callable[[str], None], database: Database, clock: Clock
) -> None:
    put("mara")
    clock.time -= timedelta(days=30)
    ours = worker()
    ours.sweep()
    clock.forward(hours=24)
    ours.sweep()

    with database.reading() as db:
        assert waiting(db) == []


@pytest.mark.any_database
def test_a_mail_that_is_refused_for_a_day_is_given_up_and_that_is_shown(
    worker: Callable[[], Tasks],
    put: Callable[[str], None],
    post_office: Relay,
    database: Database,
    clock: Clock,
    settings: Settings,
    request: pytest.FixtureRequest,
) -> None:
    put("mara")
    post_office.refuse["mara@example.org"] = "451 4.3.0 not now"
    ours, began, tried = worker(), clock(), []
    while clock() < began + timedelta(hours=25):
        ours.sweep()
        ours.send_due_mail()
        tried.append(clock() - began)
        with database.reading() as db:
            mails = waiting(db)
        if not mails:
            break
        clock.time = mails[0].due_at

    assert tried[:4] == [timedelta(minutes=minutes) for minutes in (0, 1, 6, 21)]
    assert all(later - sooner <= HOUR for sooner, later in pairwise(tried))
    assert 22 * HOUR < tried[-2] <= 24 * HOUR < tried[-1], "the last is the sweep that gave it up"
    with database.session(writes=True) as db:
        [mail] = db.scalars(select(OutboxMail))
        assert (mail.status, mail.sealed, mail.failure_code) == (outbox.EXPIRED, None, 451)
        make_owner(db, now=clock())
        job.note_mails(Run(settings=settings, database=database, db=db, now=clock()))
        db.commit()
    app = create_app(settings, clock=clock)
    request.addfinalizer(app.extensions["campaign"].close)
    organiser = OrganisersBrowser(app)
    assert organiser.get("/healthz").get_json()["mail"] == "failing"
    assert organiser.log_in().status_code == 303
    assert "1 given up after a day" in organiser.get("/organise/").text
    found = examine(settings, app.extensions["campaign"].appeal, database, now=clock())
    assert "1 mails could not be delivered in the last 30 days." in {each.text for each in found}


@pytest.mark.parametrize("jump", [-HOUR, HOUR], ids=["back", "forth"])
def test_when_the_clock_jumps_two_workers_repeat_the_current_mail_at_most(
    jump: timedelta,
    worker: Callable[[], Tasks],
    put: Callable[[str], None],
    post_office: Relay,
    database: Database,
    clock: Clock,
) -> None:
    people = [f"mara{number}" for number in range(10)]
    for whose in people:
        put(whose)
    post_office.seconds_per_message = 0.2
    first, second = worker(), worker()
    sending = threading.Thread(target=first.send_due_mail)
    sending.start()
    assert eventually(lambda: post_office.received)
    clock.time += jump
    second.sweep()
    second.send_due_mail()
    clock.time += outbox.LEASE
    second.send_due_mail()
    sending.join()

    arrived = Counter(address.partition("@")[0] for address in post_office.recipients)
    assert set(arrived) == set(people)
    assert sum(arrived.values()) - len(people) <= 1
    with database.reading() as db:
        assert waiting(db) == []


@pytest.mark.any_database
def test_a_clock_that_jumps_over_midnight_and_back_makes_no_count_wrong_and_logs_nobody_out(
    settings: Settings, database: Database, clock: Clock, request: pytest.FixtureRequest
) -> None:
    clock.time = clock.time.replace(hour=0, minute=20)
    app = create_app(replace(settings, unlimited_networks=(ip_network("127.0.0.0/8"),)), clock=clock)
    request.addfinalizer(app.extensions["campaign"].close)
    supporter = Supporter(app.test_client(), app.extensions["campaign"])
    with database.session(writes=True) as db:
        make_owner(db, now=clock())
    organiser = OrganisersBrowser(app)
    assert organiser.log_in().status_code == 303
    standing: list[str] = []
    for number, hours in enumerate((0, -1, 1, -1)):
        for when in ("before", "after"):
            name = f"Mara {number} {when}"
            assert supporter.sign(name=name, email=f"{name.replace(' ', '.')}@example.org").status_code == 303
            clock.time += hours * HOUR if when == "before" else timedelta()
            assert supporter.act("confirm").status_code == 303
            assert supporter.total() == len(standing) + 1
            standing.append(name)
        assert supporter.act("withdraw").status_code == 303
        assert supporter.total() == len(standing) - 1
        standing.pop()
        # The worker's hourly and nightly jobs.
        with database.session(writes=True) as db:
            for _rows in job.erase_in_batches(db, settings, ClockWatch(clock), now=clock()):
                db.commit()
            assert compare(db) == []
            db.commit()
        if hours <= 0:
            assert organiser.post("/organise/again", passphrase=PASSPHRASE).status_code == 303
            listed = organiser.get("/organise/lists/de.csv")
            assert listed.status_code == 200
            rows = csv.DictReader(io.StringIO(listed.data.decode("utf-8-sig")))
            assert sorted(row["name"] for row in rows) == standing
        else:
            # By the clock, the session was idle for an hour.
            assert organiser.get("/organise/").status_code == 303
            assert organiser.log_in().status_code == 303
