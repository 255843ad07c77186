"""Processes of one machine stretch one passphrase at a time, and take turns."""

import threading
from pathlib import Path

import pytest

from campaign.errors import TooManyAttemptsError
from campaign.organiser.argon2_turn import argon2_turn


def test_one_passphrase_is_stretched_at_a_time(tmp_path: Path) -> None:
    with argon2_turn(tmp_path), pytest.raises(TooManyAttemptsError):  # noqa: SIM117
        with argon2_turn(tmp_path, patience_seconds=0):
            pass
    with argon2_turn(tmp_path, patience_seconds=0):
        pass


def test_a_process_that_always_wants_the_turn_keeps_no_other_from_it(tmp_path: Path) -> None:
    """As the web under a flood would keep `campaign list` from it."""
    is_over, turns = threading.Event(), []

    def flood() -> None:
        while not is_over.is_set():
            with argon2_turn(tmp_path):
                turns.append("web")
                is_over.wait(0.01)

    web = threading.Thread(target=flood)
    web.start()
    try:
        for _ in range(3):
            with argon2_turn(tmp_path):
                turns.append("console")
    finally:
        is_over.set()
        web.join(30)

    first, *_others, last = [number for number, who in enumerate(turns) if who == "console"]
    assert last - first <= 8
