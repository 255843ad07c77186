"""Opening the boxes of a long list with the help of other processes."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from campaign.sealing import box as seal
from campaign.sealing.box import Details
from campaign.signature_list import parallel_unseal
from campaign.signature_list.parallel_unseal import Box, Shown
from tests.support.worker import eventually

PRIVATE, PUBLIC = seal.new_pair()
_, OTHER_PUBLIC = seal.new_pair()


def box(number: int) -> Box:
    """Return a box like those of a list: one in seven is none, one in eleven opens with another key."""
    details = Details(name=f"Mara {number}", email="mara@example.org", town="Oldtown", words="w" * number)
    if number % 7 == 3:
        return None
    return seal.seal(details, OTHER_PUBLIC if number % 11 == 4 else PUBLIC)


BOXES = [box(number) for number in range(300)]


def batches(read: list[int]) -> Iterator[tuple[int, list[Box]]]:
    """Yield batches, and note that they were asked for."""
    for first in range(0, 300, 10):
        read.append(first)
        yield first, BOXES[first : first + 10]


def shown(number: int) -> Shown:
    if number % 7 == 3 or number % 11 == 4:
        return "", "", ""
    return f"Mara {number}", "Oldtown", "w" * number


ALL = [(first, [shown(number) for number in range(first, first + 10)]) for first in range(0, 300, 10)]


def helpers_of(process: int) -> list[int]:
    """Return the processes that *process* started and that still run."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    children = [int(each) for task in tasks for each in task.read_text().split()]
    return [
        each for each in children if parallel_unseal.__name__ in Path(f"/proc/{each}/cmdline").read_text()
    ]


def open_files(process: int) -> list[str]:
    """Return what *process* has open beside its three streams; while it starts, that may be modules."""
    found = []
    for each in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):
            found += [each.readlink().name] if int(each.name) > 2 else []
    return found


@pytest.mark.parametrize("helpers", [0, 1, 3])
def test_whoever_opens_a_box_the_list_is_the_same(helpers: int) -> None:
    assert list(parallel_unseal.opened(PRIVATE, batches([]), alone=2, helpers=helpers)) == ALL


def test_a_short_list_calls_no_helper() -> None:
    for _ in parallel_unseal.opened(PRIVATE, batches([]), alone=30, helpers=2):
        assert helpers_of(os.getpid()) == []


def test_a_download_that_is_cut_leaves_nothing_behind() -> None:
    read: list[int] = []
    listed = parallel_unseal.opened(PRIVATE, batches(read), alone=1, helpers=2)
    assert [next(listed), next(listed)] == ALL[:2]
    called = helpers_of(os.getpid())
    assert len(called) == 2
    for helper in called:
        # The key and the names go through the pipe: no file, no argument, no variable.
        assert eventually(lambda at=helper: all(each.startswith("socket:") for each in open_files(at)))
        assert PRIVATE not in Path(f"/proc/{helper}/cmdline").read_bytes()
        assert PRIVATE not in Path(f"/proc/{helper}/environ").read_bytes()

    listed.close()

    assert helpers_of(os.getpid()) == []
    assert len(read) <= 2 + parallel_unseal.MOST_IN_MEMORY, "memory is flat, for little is read ahead"


def test_what_a_killed_helper_had_in_hand_is_opened_all_the_same() -> None:
    listed = parallel_unseal.opened(PRIVATE, batches([]), alone=0, helpers=2)
    begun = [next(listed)]
    for helper in helpers_of(os.getpid())[:1]:
        os.kill(helper, signal.SIGKILL)

    assert begun + list(listed) == ALL


def test_helpers_end_with_the_process_that_called_them() -> None:
    program = (
        "from tests.signature_list.test_parallel_unseal import *\n"
        "listed = parallel_unseal.opened(PRIVATE, batches([]), alone=0, helpers=1)\n"
        "next(listed)\n"
        "print(*helpers_of(os.getpid()), flush=True)\n"
        "signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        helper = int(process.stdout.readline())
        process.kill()

    assert eventually(lambda: is_over(helper))


def is_over(process: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return True


def test_where_no_helper_can_be_started_the_list_is_opened_all_the_same() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    listed = parallel_unseal.opened(PRIVATE, batches([]), alone=0, helpers=2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        begun = [next(listed)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert helpers_of(os.getpid()) == []
    assert begun + list(listed) == ALL
