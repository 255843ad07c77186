"""Opening the boxes of a list, in helping processes once it proves long.

Opening is nearly all of the work. Threads would share it badly: between two boxes each waits
for Python's lock. Helpers are given the key and boxes, and give names back, through pipes
alone; they end with the pipe, however this process ends.
"""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing.connection import Connection, Pipe
from queue import SimpleQueue
from threading import Thread
from typing import Generic, Self, TypeVar

from campaign.errors import WrongKeyError
from campaign.sealing.box import Opener

Of = TypeVar("Of")

Box = bytes | None
Shown = tuple[str, str, str]
"""Name, town and words; empty where there is no box, or none that this key opens."""

ALONE = 5
"""Batches that are opened without help: to start a helper takes as long as half of these."""

MOST_HELPERS = 3
"""One process reads and writes for all of them; more would wait for it."""

AHEAD = 3
"""Batches that a helper has at a time, so that it need not wait for the next."""

MOST_IN_MEMORY = 12
"""Batches that are read before the first of them is opened: as many as it takes a helper to start."""

PATIENCE_SECONDS = 60
"""How long a helper is waited for that says nothing."""

_NOTHING: Shown = ("", "", "")


def opened(
    private_key: bytes,
    batches: Iterable[tuple[Of, Sequence[Box]]],
    *,
    alone: int = ALONE,
    helpers: int | None = None,
) -> Iterator[tuple[Of, list[Shown]]]:
    """Yield what each batch is of, with what its boxes hold, in the order of the batches.

    Args:
        private_key: What the boxes are sealed to.
        batches: Read little further than they are asked for.
        alone: How many are opened before helpers are called.
        helpers: As many as there are cores, unless given.
    """
    opener = Opener(private_key)
    unopened = iter(batches)
    for of, boxes in islice(unopened, alone):
        yield of, _shown(opener, boxes)
    # This process opens boxes too.
    number = min(_cores() - 1, MOST_HELPERS) if helpers is None else helpers
    others = next(unopened, None)
    if others is None:
        return
    with ExitStack() as stack:
        called = [stack.enter_context(helper) for helper in _call(number, private_key)]
        given: deque[_Given[Of]] = deque()
        for of, boxes in chain([others], unopened):
            helper = next((each for each in called if each.in_hand < AHEAD), None)
            if helper is None:
                given.append(_Given(of, boxes, None, _shown(opener, boxes)))
            else:
                helper.give(boxes)
                given.append(_Given(of, boxes, helper))
            while given and (given[0].is_ready() or len(given) > MOST_IN_MEMORY):
                yield given.popleft().taken(opener)
        while given:
            yield given.popleft().taken(opener)


def _cores() -> int:
    """Return how many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _call(number: int, private_key: bytes) -> Iterator["_Helper"]:
    """Start helpers; fewer, or none, where the machine allows no more processes."""
    with suppress(OSError):
        for _ in range(number):
            yield _Helper(private_key)


@dataclass
class _Given(Generic[Of]):
    """A batch that is being opened, here or by a helper."""

    of: Of
    boxes: Sequence[Box]
    helper: "_Helper | None"
    shown: list[Shown] | None = None

    def is_ready(self) -> bool:
        """Whether it can be had without waiting."""
        return self.helper is None or self.helper.is_ready()

    def taken(self, opener: Opener) -> tuple[Of, list[Shown]]:
        """Wait for it; where a helper was killed, its work is done here."""
        if self.helper is not None:
            self.shown = self.helper.take()
        return self.of, _shown(opener, self.boxes) if self.shown is None else self.shown


def _shown(opener: Opener, boxes: Iterable[Box]) -> list[Shown]:
    return [_NOTHING if box is None else _one(opener, box) for box in boxes]


def _one(opener: Opener, box: bytes) -> Shown:
    try:
        details = opener.details(box)
    except WrongKeyError:  # sealed to an earlier pair: listed without its name
        return _NOTHING
    return details.name, details.town, details.words


class _Helper:
    """A process that opens boxes."""

    def __init__(self, private_key: bytes) -> None:
        self._line, other = Pipe()
        with other:
            # Not forked: this process may be a web server with threads that hold locks.
            self._process = subprocess.Popen(  # noqa: S603 -- our own module
                [sys.executable, "-P", "-m", __name__, str(other.fileno())], pass_fds=[other.fileno()]
            )
        self.in_hand = 0
        self._say(private_key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()
        self._process.kill()
        self._process.wait()

    def give(self, boxes: Sequence[Box]) -> None:
        """Give it a batch to open."""
        self.in_hand += 1
        self._say(boxes)

    def is_ready(self) -> bool:
        """Whether it has something to give back, or never will."""
        return self._line.closed or self._line.poll()

    def take(self) -> list[Shown] | None:
        """Take what came of the earliest batch, or nothing where it ended before."""
        self.in_hand -= 1
        with suppress(EOFError, OSError):
            if self._line.poll(PATIENCE_SECONDS):
                shown: list[Shown] = self._line.recv()
                return shown
        self._line.close()
        return None

    def _say(self, thing: object) -> None:
        try:
            self._line.send(thing)
        except OSError:
            self._line.close()


def main() -> None:
    """Help, until the process that asked for it closes the pipe or ends."""
    # Whoever stops a command from a terminal stops that process, and so this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = Connection(int(sys.argv[1]))
    opener = Opener(line.recv())
    batches: SimpleQueue[Sequence[Box] | None] = SimpleQueue()
    # Always read, or two processes that both write would wait for each other.
    Thread(target=_receive, args=(line, batches), daemon=True).start()
    while (boxes := batches.get()) is not None:
        line.send(_shown(opener, boxes))


def _receive(line: Connection, batches: "SimpleQueue[Sequence[Box] | None]") -> None:
    try:
        while True:
            batches.put(line.recv())
    except (EOFError, OSError):
        batches.put(None)


if __name__ == "__main__":
    try:
        main()
    except (EOFError, OSError):
        sys.exit(1)
