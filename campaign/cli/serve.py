"""``campaign serve``: the web server, and the mail worker beside it."""

import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from datetime import datetime
from types import FrameType
from typing import Any

import click
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from campaign import log
from campaign.cli.common import Campaign, pass_campaign
from campaign.clock import SYSTEM_CLOCK
from campaign.errors import SettingsError
from campaign.operations.doctor.closing import held_closed
from campaign.operations.emergency.reserve import make_reserve
from campaign.operations.instance_lock import instance_lock
from campaign.sealing import campaign_key
from campaign.sealing.row_mac import save_authentic_fact
from campaign.signature.announcement import erased_close
from campaign.signature.key_change import setup_code

WORKER_PAUSES_SECONDS = (0.5, 1, 2, 5, 15)
"""Back-off before the mail worker is restarted after its first, second, … crash."""

THREADS = 16
"""Threads of a web process: simultaneous signatures share a transaction, and more threads share it more."""

STOPPING_SECONDS = 8
"""Time for open requests and for the mail that is being sent; then processes are killed."""

MAX_PROCESSES = 4
"""Each uses up to two connections per thread; PostgreSQL allows a hundred by default."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="Web processes; by default one with SQLite, and with PostgreSQL one per core, at most"
    f" {MAX_PROCESSES}.",
)
@pass_campaign
def serve(campaign: Campaign, host: str, port: int, workers: int | None) -> None:
    """Run the site: web server and mail worker together, for one machine.

    The first start creates secrets and database in the folder `instance`, and prints the
    one-time link that creates the first organiser. Stop the site with Ctrl-C.
    """
    campaign.creates = campaign.composes = True
    if not os.environ.get("CAMPAIGN_BASE_URL"):
        os.environ["CAMPAIGN_BASE_URL"] = f"http://{_reachable_host(host)}:{port}"
    _check_port(host, port)
    settings = campaign.settings
    log.configure(settings)
    # The web processes must use the same folder, whatever their working directory.
    os.environ["CAMPAIGN_INSTANCE"] = str(settings.instance)
    with instance_lock(settings.instance):
        _serve(campaign, host, port, workers)


def _serve(campaign: Campaign, host: str, port: int, workers: int | None) -> None:
    settings = campaign.settings
    make_reserve(campaign.database)
    with campaign.database.writing() as db:
        save_authentic_fact(db, "base_url", settings.base_url)
        code = setup_code(db, now=SYSTEM_CLOCK())
        erased_at, reason = campaign_key.destroyed_at(db), held_closed(settings, erased_close(db))
    _print_welcome(campaign, code, erased_at, reason)
    campaign.database.close()
    server = Granian(
        "campaign.web.application:from_environment",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers or _default_processes(is_sqlite=campaign.database.is_sqlite),
        blocking_threads=THREADS,
        backlog=2048,
        log_level=LogLevels.warning,
        log_dictconfig=log.GRANIAN,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=STOPPING_SECONDS,
        websockets=False,
    )
    with MailWorker() as mail_worker:
        server.on_startup(lambda: _on_stop_signal(mail_worker.stop))
        server.serve()


class MailWorker:
    """The mail worker in its own process, which is restarted after a crash."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._restart_after_crashes, name="mail worker", daemon=True)

    def __enter__(self) -> "MailWorker":
        # Before the web processes are forked: a fork would inherit the pipe of this start and leave it open.
        self._process = _start_worker()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        process = self._process
        try:
            process.wait(STOPPING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        self._thread.join(STOPPING_SECONDS)

    def stop(self) -> None:
        """Ask the worker to record the outcome of the current mail and to end; do not wait."""
        self._stopping.set()
        self._process.send_signal(signal.SIGTERM)

    def _restart_after_crashes(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            self._process.wait()
            if self._stopping.is_set():
                return
            failures = 0 if time.monotonic() - began > 60 else failures + 1
            pause = WORKER_PAUSES_SECONDS[min(failures, len(WORKER_PAUSES_SECONDS) - 1)]
            logging.getLogger(__name__).error("the mail worker crashed; it restarts in %s s", pause)
            if not self._stopping.wait(pause):
                self._process = _start_worker()


def _start_worker() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "campaign", "work", "--follow-parent"])


def _on_stop_signal(action: Callable[[], None]) -> None:
    """Call *action* on SIGTERM and SIGINT, before the present handler."""
    for number in (signal.SIGTERM, signal.SIGINT):
        present = signal.getsignal(number)

        def stop(number: int, frame: FrameType | None, handler: Any = present) -> None:
            action()
            handler(number, frame)

        signal.signal(number, stop)


def _default_processes(*, is_sqlite: bool) -> int:
    """Return the number of web processes for this machine.

    One with SQLite, which has one writer: a second records no more signatures, makes the slowest
    hundredth of requests wait four times as long, and doubles the rate limits, which are counted in
    memory. The mail worker uses another core.
    """
    return 1 if is_sqlite else min(len(os.sched_getaffinity(0)), MAX_PROCESSES)


def _reachable_host(host: str) -> str:
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 -- only compared
        return "127.0.0.1"
    # The site answers to names and IPv4 addresses only.
    return "localhost" if host == "::1" else f"[{host}]" if ":" in host else host


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(f"--port: cannot listen on {host}:{port} ({error.strerror})") from error


def _print_welcome(campaign: Campaign, code: str | None, erased_at: datetime | None, reason: str) -> None:
    settings = campaign.settings
    click.secho("\n  The letter campaign is running.\n", bold=True)
    click.echo(f"  The site          {settings.base_url}/")
    click.echo(f"  Organisers        {settings.base_url}/organise/")
    if erased_at:
        click.echo(f"\n  Everything personal was erased on {erased_at.date().isoformat()}: nobody can")
        click.echo("  sign, deliver or log in. Letters and counts are shown.")
    elif reason:
        click.echo(f"\n{textwrap.fill(reason, 78, initial_indent='  ', subsequent_indent='  ')}")
    if code:
        click.echo("\n  There is no organiser yet. Open this link once to create the first one")
        click.echo("  (a link of an earlier start opens only signatures of that time):")
        click.secho(f"  {settings.base_url}/organise/setup/{code}", bold=True)
    if not settings.smtp_url:
        click.echo(f"\n  No mail relay is set: each mail becomes a file in {settings.instance / 'mail'},")
        click.echo("  and its link is printed here.")
    click.echo("\n  Stop with Ctrl-C.\n")
    sys.stdout.flush()
