"""The tasks of the worker: sending what waits in the outbox, and what is done every minute, hour and night.

Tasks carry nothing. What is to be sent stands in the outbox, so a task that is lost, or
run twice, does no harm: the next one, at most a minute later, finds the same rows.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from traceback import extract_tb
from types import FrameType

from huey import crontab
from huey.consumer import Consumer, ConsumerStopped
from sqlalchemy.orm import Session

from campaign.clock import SYSTEM_CLOCK, Clock
from campaign.database.fact import read_fact
from campaign.database.session import Database
from campaign.mail import outbox, sweep
from campaign.mail.dispatch import Dispatch
from campaign.mail.sweep import erase_expired
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.link import send_links
from campaign.worker import queue
from campaign.worker.schedule import TIMES

Work = Callable[[Session, datetime], None]


WAKE_SECONDS = 1.0
"""A process asks for mails to be sent at most this often; shorter than a dispatch lingers."""

AGAIN_SECONDS = (0.5, 2, 5)
"""Sending that failed, as when the database was away, is tried again after these; later ones are swept up."""

QUEUED_AT_MOST = 20
"""More tasks than this wait only where no worker runs; then another one is of no use."""

LOOK_SECONDS = 2
"""How often a worker looks after its threads and its queue."""

STOP_SECONDS = 6
"""How long a stopping worker waits for the relay's word on the mail in hand."""

log = logging.getLogger(__name__)


class Tasks:
    """The tasks of one site, for the web that asks for them and the worker that runs them."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        periodic: Mapping[str, Work],
        lease: timedelta,
        clock: Clock,
    ) -> None:
        self.huey = queue.make(settings)
        self._secret_key = settings.secret_key
        self._database = database
        self._dispatch = Dispatch(
            settings=settings,
            database=database,
            keys=ServerKeys.from_secret(settings.secret_key),
            send_links=self.look_up,
            lease=lease,
            clock=clock,
        )
        self._clock = clock
        self._send_task = self.huey.task(name="send_due_mail")(self.send_due_mail)
        self.huey.periodic_task(crontab(), name="sweep")(self.sweep)
        for name, work in periodic.items():
            self._register(name, work)
        self._stop = threading.Event()
        self._sending = threading.Lock()
        self._asked = threading.Event()
        self._woken_at = -WAKE_SECONDS

    def wake(self) -> None:
        """Ask a worker to send what was just committed; never fails, for the sweep would find it."""
        now = time.monotonic()
        if now - self._woken_at < WAKE_SECONDS:
            # The worker asked a moment ago still lingers, and will see the new row.
            return
        self._woken_at = now
        # Twice: that a connection was cut since it was last used is noticed by using it.
        for is_last in (False, True):
            try:
                if self.huey.pending_count() < QUEUED_AT_MOST:
                    self._send_task()
            except Exception as error:
                if is_last:
                    _log_failure("asking for mails to be sent", error)
            else:
                return

    def waiting(self) -> int:
        """Return how many tasks wait for a worker; 0 too while the queue does not answer."""
        try:
            return int(self.huey.pending_count())
        except Exception as error:
            _log_failure("looking at the queue", error)
            return 0

    def send_due_mail(self) -> None:
        """Send what is due; in one process a second call leaves it to the one that runs."""
        self._asked.set()
        pauses = list(AGAIN_SECONDS)
        while self._asked.is_set() and self._sending.acquire(blocking=False):
            try:
                self._asked.clear()
                self._dispatch.run(self._stop)
            except Exception as error:
                _log_failure("sending mails", error)
                # Who asked is not told, and others who sign now do not ask again so soon.
                if pauses and not self._stop.wait(pauses.pop(0)):
                    self._asked.set()
            finally:
                self._sending.release()

    def look_up(self, db: Session, email: str, language: str) -> None:
        """Put the links in the outbox that the owner of *email* asked for, if anything was signed with it."""
        salt = read_fact(db, "digest_salt")
        if salt is not None:  # otherwise every digest was made useless, and none can be found
            keys = ServerKeys.from_secret(self._secret_key, bytes.fromhex(salt))
            send_links(db, email, language=language, keys=keys, now=self._clock())

    def sweep(self) -> None:
        """Erase mails that are over, and ask for those to be sent whose task was lost."""
        now = self._clock()
        try:
            with self._database.writing() as db:
                sweep.cap_waits(db, now=now, lease=self._dispatch.lease)
                erase_expired(db, now)
            with self._database.reading() as db:
                is_due = outbox.has_due_mail(db, now=now)
            if is_due:
                self._send_task()
        except Exception as error:
            _log_failure("sweeping the outbox", error)

    def run_worker(self, *, follow_parent: bool = False) -> None:
        """Work in this, the main, thread until told to stop; the mail in hand is settled first.

        Args:
            follow_parent: Stop also when the process that started this one is gone.
        """
        worker = _Worker(self, parent=os.getppid() if follow_parent else None)
        self._stop = worker.stop_flag
        try:
            worker.run()
            if self._sending.locked():
                self._dispatch.abandon()
        finally:
            self.close()

    def mend_queue(self) -> None:
        """Make the queue anew if it was lost, and ask for what may have stood in it."""
        try:
            queue.check(self.huey)
        except Exception as error:
            _log_failure("looking into the queue", error)
            try:
                queue.make_anew(self.huey)
            except Exception as another:
                _log_failure("making the queue anew", another)
            else:
                self.sweep()

    def close(self) -> None:
        """Close the queue."""
        self.huey.storage.close()

    def _register(self, name: str, work: Work) -> None:
        def run() -> None:
            try:
                with self._database.session(writes=True) as db:
                    work(db, self._clock())
                    db.commit()
            except Exception as error:
                _log_failure(name, error)

        self.huey.periodic_task(TIMES[name], name=name)(run)


def build(
    settings: Settings,
    database: Database,
    *,
    periodic: Mapping[str, Work],
    lease: timedelta = outbox.LEASE,
    clock: Clock = SYSTEM_CLOCK,
) -> Tasks:
    """Return the tasks of this site.

    Args:
        settings: Where the queue lies and where mails go.
        database: Where the outbox is.
        periodic: What is done at :data:`TIMES`, by name; each gets a session of its own,
            which is committed after it, and in which it may commit between batches.
        lease: How long claimed mails belong to one worker.
        clock: What tells the time.
    """
    return Tasks(settings, database, periodic, lease, clock)


class _Worker(Consumer):  # type: ignore[misc]
    """Huey's consumer with two threads, so that a long dispatch does not hold up the other tasks."""

    def __init__(self, tasks: Tasks, parent: int | None) -> None:
        super().__init__(
            tasks.huey,
            workers=2,
            initial_delay=0.1,
            max_delay=0.5,
            health_check_interval=LOOK_SECONDS,
            shutdown_timeout=STOP_SECONDS,
        )
        self._tasks = tasks
        self._parent = parent
        self._signum: int | None
        # Each asks for the same: finish the mail in hand, and end. Huey would start itself again, or drop it.
        self._signal_actions = dict.fromkeys((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), (False, True))

    def loop(self, health_check_ts: float | None = None) -> float | None:
        """Look after the threads once, and after the process that started this one."""
        if self._parent is not None and os.getppid() != self._parent:
            self.stop(graceful=True)
            raise ConsumerStopped
        checked_at: float | None = super().loop(health_check_ts)
        return checked_at

    def check_worker_health(self) -> bool:
        """Look after the threads, and after the queue."""
        self._tasks.mend_queue()
        return bool(super().check_worker_health())

    def _handle_signal(self, signum: int, _frame: FrameType | None) -> None:
        # Often there are two, of systemd and of the process that started this one; to huey, the second
        # one says to drop the mail in hand.
        self._signum = self._signum or signum


def _log_failure(what: str, error: Exception) -> None:
    # Never the error's own words: a database's quote what was being written.
    place = extract_tb(error.__traceback__)[-1]
    log.error("%s failed: %s in %s, line %s", what, type(error).__name__, place.name, place.lineno)
