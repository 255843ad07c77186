"""How many requests this process has answered, and how fast: by kind of page, never by whom.

Visits to pages that are the same for everybody are counted as they come. All else (a letter
signed, a private page opened, an organiser at work) is somebody's act, whose second must not be
told: see :mod:`campaign.operations.monitor`. It is added to the figures at the turn of a quarter of an hour.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import Flask, request

from campaign.clock import Clock
from campaign.operations.monitor import last_turn

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BOUNDS = (0.005, 0.02, 0.1, 0.5, 2.0)
"""Seconds: answers are counted by which of these they took at most."""

FROM_MEMORY = "from memory"
"""What is not asked of Flask: whichever public page it is."""

UNKNOWN = "unknown"
"""An address that is not ours."""

AT_ONCE = frozenset(
    {
        FROM_MEMORY,
        UNKNOWN,
        "asset",
        "metrics.metrics",
        "progress.counts",
        "progress.embed",
        "health.healthz",
        "progress.progress",
        "supporter.home",
        "supporter.letter",
        "supporter.letter_text",
        "supporter.letter_pdf",
        "supporter.person",
        "supporter.privacy",
    }
)
"""Pages that nobody is led to by an act of theirs."""

Kind = tuple[str, str]
"""Endpoint, and class of status such as ``2xx``."""

ENDPOINT = "campaign.endpoint"


@dataclass
class Answers:
    """Of one kind: how many there were, and how long they took."""

    seconds: float = 0.0
    numbers: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    """By the first of the bounds that they kept to; the last is for those that kept to none."""

    def add(self, other: "Answers") -> None:
        """Take in *other*."""
        self.seconds += other.seconds
        self.numbers = [one + more for one, more in zip(self.numbers, other.numbers, strict=True)]


class Meter:
    """The figures of this process since it began."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._told: dict[Kind, Answers] = {}
        self._held: dict[Kind, Answers] = {}
        self._turn = last_turn(clock())
        self.failures = 0
        """Answers that say it is our fault, whatever was asked for: at once, for whoever is to mend it."""

    def note(self, endpoint: str, status: str, seconds: float) -> None:
        """Count one answer."""
        kind = endpoint, f"{status[:1]}xx"
        with self._lock:
            self.failures += status.startswith("5")
            if endpoint in AT_ONCE:
                figures = self._told
            else:
                self._turn_over()
                figures = self._held
            answers = figures.get(kind)
            if answers is None:
                answers = figures[kind] = Answers()
            answers.seconds += seconds
            answers.numbers[bisect_left(BOUNDS, seconds)] += 1

    def answers(self) -> dict[Kind, Answers]:
        """Return what may be told, by kind."""
        with self._lock:
            self._turn_over()
            return {kind: Answers(each.seconds, [*each.numbers]) for kind, each in self._told.items()}

    def around(self, application: "WSGIApplication") -> "WSGIApplication":
        """Return *application* with its answers counted; of a stream, the time until it begins."""

        def metered(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
            began, status = time.perf_counter(), "500"

            def start(said: str, *how: Any) -> Any:
                nonlocal status
                status = said
                return start_response(said, *how)

            try:
                return application(environ, start)
            finally:
                self.note(environ.get(ENDPOINT, FROM_MEMORY), status, time.perf_counter() - began)

        return metered

    def _turn_over(self) -> None:
        turn = last_turn(self._clock())
        if turn != self._turn:
            self._turn = turn
            for kind, answers in self._held.items():
                self._told.setdefault(kind, Answers()).add(answers)
            self._held = {}


def init_app(app: Flask) -> None:
    """Let :class:`Meter` know which view answers."""

    @app.before_request
    def name() -> None:
        request.environ[ENDPOINT] = request.endpoint or UNKNOWN
