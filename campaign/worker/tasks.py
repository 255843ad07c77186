"""The worker's tasks: sending the due mails of the outbox, and the periodic jobs of the schedule.

Tasks carry no data. A task that is lost, or runs twice, does no harm: the next one, at most a minute
later, finds the same rows in the outbox.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from traceback import extract_tb

from sqlalchemy.orm import Session

from campaign.appeal import reading
from campaign.clock import SYSTEM_CLOCK, Clock
from campaign.database.session import Database
from campaign.disclosure import safety_list
from campaign.mail import outbox
from campaign.mail.dispatch import Dispatch
from campaign.mail.random_wait import wait_on
from campaign.operations.clock_watch import ClockWatch
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.link import link_all, send_links
from campaign.worker import job, queue
from campaign.worker.consumer import WorkerConsumer
from campaign.worker.job import Run
from campaign.worker.schedule import SCHEDULE, Entry

WAKE_SECONDS = 1.0
"""A process requests sending at most this often; shorter than a dispatch waits for further mails."""

RETRY_SECONDS = (0.5, 2, 5)
"""Pauses before a failed run is repeated, as when the database did not answer; then the sweep repeats it."""

QUEUE_LIMIT = 20
"""More tasks than this wait only where no worker runs; then another one is useless."""

log = logging.getLogger(__name__)


class Tasks:
    """The tasks of one site: web processes request them and the worker runs them."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        schedule: Sequence[Entry] = SCHEDULE,
        lease: timedelta = outbox.LEASE,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Open the queue and register the tasks.

        Args:
            settings: Where the queue is and where mails go.
            database: Where the outbox is.
            schedule: The periodic jobs; tests pass a part of them.
            lease: How long claimed mails belong to one worker.
            clock: Passed to the jobs and to the dispatch.
        """
        self.huey = queue.open_queue(settings)
        self._settings = settings
        self._database = database
        self._clock = clock
        self._content = reading.load(settings.appeal)
        self._watch = ClockWatch(clock)
        self._dispatch = Dispatch(
            settings=settings,
            database=database,
            keys=ServerKeys.from_secret(settings.secret_key),
            send_links=self._send_links,
            link_all=self._link_all,
            appeal=self._content,
            lease=lease,
            clock=clock,
        )
        self._send_task = self.huey.task(name="send_due_mail")(self.send_due_mail)
        for entry in schedule:
            self._register(entry)
        self._stop = threading.Event()
        self._sending = threading.Lock()
        self._is_requested = threading.Event()
        self._woken_at = float("-inf")

    def wake(self) -> None:
        """Request sending of mails that were just committed; never fails, since the sweep would find them."""
        now = self._clock.monotonic()
        if now - self._woken_at < WAKE_SECONDS:
            # The run requested a moment ago still waits for further mails, and will find the new row.
            return
        self._woken_at = now
        # Twice: only the first use of a connection shows that it was cut.
        for is_last in (False, True):
            try:
                if self.huey.pending_count() < QUEUE_LIMIT:
                    self._send_task()
            except Exception as error:
                if is_last:
                    _log_failure("requesting to send mails", error)
            else:
                return

    def waiting(self) -> int:
        """Return the number of queued tasks; 0 also while the queue does not answer."""
        try:
            return int(self.huey.pending_count())
        except Exception as error:
            _log_failure("counting queued tasks", error)
            return 0

    def send_due_mail(self) -> None:
        """Send due mails; in one process a second call leaves that to the one that runs."""
        self._is_requested.set()
        pauses = list(RETRY_SECONDS)
        while self._is_requested.is_set() and self._sending.acquire(blocking=False):
            try:
                self._is_requested.clear()
                self._dispatch.run(self._stop)
            except Exception as error:
                _log_failure("sending mails", error)
                # Nobody else would request a new run so soon.
                if pauses and not self._stop.wait(pauses.pop(0)):
                    self._is_requested.set()
            finally:
                self._sending.release()

    def sweep(self) -> None:
        """Run the job that finds mails whose task was lost."""
        self._run("sweep", job.sweep_outbox)

    def run_worker(self, *, follow_parent: bool = False) -> None:
        """Run the worker in the main thread until a signal stops it; the current mail is finished first.

        Args:
            follow_parent: Stop also when the process that started this one has ended.
        """
        consumer = WorkerConsumer(self.huey, self.repair_queue, follow_parent=follow_parent)
        self._stop = consumer.stop_flag
        try:
            consumer.run()
            if self._sending.locked():
                self._dispatch.abandon()
        finally:
            self.close()

    def repair_queue(self) -> None:
        """Create the queue again if it was lost, and request what may have been in it."""
        try:
            queue.check(self.huey)
        except Exception as error:
            _log_failure("checking the queue", error)
            try:
                queue.recreate(self.huey)
            except Exception as another:
                _log_failure("recreating the queue", another)
            else:
                self.sweep()

    def close(self) -> None:
        """Close the queue."""
        self.huey.storage.close()

    def _send_links(self, db: Session, email: str, language: str) -> None:
        keys = ServerKeys.load(db, self._settings.secret_key)
        if keys is not None:  # otherwise the digests were made useless, and no signature can be found
            appeal = safety_list.current_appeal(db, self._content)
            send_links(
                db,
                email,
                language=language,
                keys=keys,
                is_sensitive=appeal.is_sensitive_residence,
                now=self._clock(),
                wait=wait_on(self._settings),
            )

    def _link_all(self, db: Session, email: str, token: str) -> None:
        keys = ServerKeys.load(db, self._settings.secret_key)
        if keys is not None:
            link_all(db, email, token, keys=keys)

    def _register(self, entry: Entry) -> None:
        def run() -> None:
            self._run(entry.name, entry.run)

        self.huey.periodic_task(entry.when, name=entry.name)(run)

    def _run(self, name: str, function: Callable[[Run], None]) -> None:
        """Run a job in a session of its own; an error is logged, and the next run tries again."""
        try:
            with self._database.session(writes=True) as db:
                function(
                    Run(
                        settings=self._settings,
                        database=self._database,
                        db=db,
                        now=self._clock(),
                        watch=self._watch,
                        lease=self._dispatch.lease,
                        request_sending=self._send_task,
                    )
                )
                db.commit()
        except Exception as error:
            _log_failure(name, error)


def _log_failure(action: str, error: Exception) -> None:
    # Never the error's text: a database error quotes the values of its statement.
    place = extract_tb(error.__traceback__)[-1]
    log.error("%s failed: %s in %s, line %s", action, type(error).__name__, place.name, place.lineno)
