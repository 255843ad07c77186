"""Seconds from ``campaign serve`` to its first page, against a Python that imports Flask and SQLAlchemy.

Run ``python -m tests.bench.starting``. The site was started before, so its tables and keys are made; web
process and mail worker start at the same time, on both cores.
"""

import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import report, server, site
from tests.bench.report import Figure

RUNS = 7

IMPORT = [sys.executable, "-c", "import flask, sqlalchemy"]


def main() -> None:
    """Let both take turns, and print them."""
    imports, starts = [], []
    with tempfile.TemporaryDirectory() as name:
        made = site.make(Path(name) / "instance")
        environment = os.environ | made.environment
        for _ in range(RUNS):
            began = time.perf_counter()
            subprocess.run(IMPORT, check=True)
            imports.append(time.perf_counter() - began)
            starts.append(_start(environment, Path(name) / "console"))
    report.heading("Seconds to the first page")
    floor, ours = Figure("import flask, sqlalchemy", imports), Figure("campaign serve, first page", starts)
    for figure in (floor, ours):
        runs = ", ".join(f"{run:.2f}" for run in figure.runs)
        print(
            f"  {figure.name:<34} {figure.middle:.2f} s  {figure.middle / floor.middle:.1f} × floor  ({runs})"
        )


def _start(environment: dict[str, str], console: Path) -> float:
    port = server.free_port()
    command = [sys.executable, "-m", "campaign", "serve", "--port", str(port)]
    began = time.perf_counter()
    with console.open("ab") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file, start_new_session=True)
    try:
        while not _answers(port):
            if process.poll() is not None or time.perf_counter() - began > server.STARTING_SECONDS:
                raise SystemExit(f"the site did not start:\n{console.read_text()}")
            time.sleep(0.005)
        return time.perf_counter() - began
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=server.STARTING_SECONDS)
    try:
        connection.request("GET", "/en/letters/de")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    main()
