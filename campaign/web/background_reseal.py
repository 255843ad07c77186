"""Reseal the boxes of earlier key pairs in a thread of the web process."""

import logging
import threading

from campaign.database.session import Database
from campaign.errors import NoKeyError
from campaign.signature.key_change import reseal_some

logger = logging.getLogger(__name__)

THREAD_NAME = "reseal"

PAUSE_SECONDS = 0.05
"""Before each batch, so that other writers get SQLite's lock."""


class BackgroundReseal:
    """At most one thread, which has the campaign's private key in memory until it ends.

    Each batch is a transaction. An interruption loses nothing: the next login, or the next form that an
    organiser sends, at this process or another, starts a thread for the remaining boxes.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._requested_key: bytes | None = None
        self._is_closed = threading.Event()

    def start(self, private_key: bytes) -> None:
        """Reseal everything that *private_key* opens; a running thread does it after its present run."""
        with self._lock:
            self._requested_key = private_key
            if self._thread is None:
                # A daemon, so that the end of the process does not wait for it.
                self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
                self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether the thread is at work."""
        return self._thread is not None

    def close(self) -> None:
        """End the thread after its present batch, and wait for that."""
        self._is_closed.set()
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while (private_key := self._take_request()) is not None:
            try:
                self._reseal(private_key)
            except NoKeyError:
                pass  # everything personal was erased meanwhile
            except Exception:
                logger.exception("resealing was interrupted; the next form of an organiser continues it")

    def _take_request(self) -> bytes | None:
        with self._lock:
            private_key, self._requested_key = self._requested_key, None
            if private_key is None:
                self._thread = None
            return private_key

    def _reseal(self, private_key: bytes) -> None:
        while not self._is_closed.wait(PAUSE_SECONDS):
            with self._database.writing() as db:
                if reseal_some(db, private_key) == 0:
                    return
