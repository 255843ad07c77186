"""The private function of Granian that is replaced is there, and is the one that was checked."""

import signal
from collections.abc import Iterator
from importlib.metadata import version
from inspect import getsource

import pytest
from granian import _granian, _signals
from granian.server.mp import MPServer

from campaign.web.serving import process

KNOWN = "2.8.7"


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(_signals, "set_sync_signals", _signals.set_sync_signals)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_this_version_of_granian_was_checked() -> None:
    assert version("granian") == KNOWN, (
        f"Granian {version('granian')} is installed; handle_one_stop_signal() was checked with {KNOWN}."
        " See whether Granian's handler (granian/_signals.py) still blocks when a second signal comes;"
        " tests/faults/test_stop.py sends one."
    )


def test_granians_worker_takes_its_signal_handler_from_the_function_that_is_replaced() -> None:
    assert "from granian._signals import set_sync_signals" in getsource(MPServer._spawn_wsgi_worker), (
        "Granian's WSGI worker no longer imports set_sync_signals: handle_one_stop_signal() replaces nothing."
    )


def test_only_the_first_stop_signal_has_a_handler() -> None:
    process.handle_one_stop_signal()
    stopping = _signals.set_sync_signals()
    assert callable(signal.getsignal(signal.SIGTERM))

    signal.raise_signal(signal.SIGTERM)

    assert isinstance(stopping, _granian.WorkerSignal)
    assert signal.getsignal(signal.SIGTERM) == signal.getsignal(signal.SIGINT) == signal.SIG_IGN
