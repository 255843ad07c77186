"""Processor time of each act and page at 1,000, 100,000 and 1,000,000 signatures.

Run ``python -m tests.bench.growth [--postgresql] [SIGNATURES …]``. Requests are made in this process, without
a network, and pages are rendered each time: a cached page costs the same at every size. The sizes take turns,
and of the rounds the middle one counts. Processor time is this process's and that of
PostgreSQL's processes that serve it. The floor is the smallest campaign. Lists, the recount and erasing come
last, once for each size; memory is what this process needed beyond what it held before.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from itertools import count, cycle
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask import Flask
from sqlalchemy import insert
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from campaign import clock as clock_module
from campaign import create_app
from campaign.clock import SYSTEM_CLOCK
from campaign.database.session import Database
from campaign.operations.doctor.examine import examine
from campaign.sealing.code import code_hash, new_code
from campaign.sealing.key_ring import key_ring
from campaign.settings import Settings
from campaign.signature import erase
from campaign.signature.model import Signature, SignatureToken
from campaign.signature.recount import compare
from campaign.signature.signature_mac import new_macs
from campaign.signature.token_mac import token_row
from campaign.signature_list import csv_file, entry
from campaign.web.site import Site
from tests.bench import filling, home, report
from tests.bench.filling import CODES, Filled
from tests.bench.site import SECRET
from tests.web.conftest import OrganisersBrowser

SIZES = (1_000, 100_000, 1_000_000)

ROUNDS, A_ROUND = 5, 40

FORM = {
    "email": "",
    "name": "Mara Example",
    "residence": "FR",
    "town": "Oldtown",
    "words": "",
    "disclosure": "delegation",
    "consent": "y",
    "website": "",
}

Request = dict[str, Any]


@dataclass
class Clock(clock_module.Clock):
    """The real time, moved forward so that no page comes from the cache."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return SYSTEM_CLOCK() + self.ahead


@dataclass
class Grown:
    """A campaign of some size, and the application before it."""

    number: int
    app: Flask
    clock: Clock
    filled: Filled
    cookie: str = ""
    numbers: Iterator[int] = field(default_factory=count)

    @property
    def site(self) -> Site:
        found: Site = self.app.extensions["campaign"]
        return found

    def log_in(self) -> None:
        """Log in as an organiser, and store the cookie."""
        browser = OrganisersBrowser(self.app)
        assert browser.log_in(self.filled.name, self.filled.passphrase).status_code == 303
        kept = browser.client.get_cookie(self.app.config["SESSION_COOKIE_NAME"])
        assert kept is not None
        self.cookie = f"{kept.key}={kept.value}"

    def seconds(self) -> float:
        """Return the processor time taken so far, for this campaign."""
        database = self.site.database
        taken = time.process_time() + sum(os.times()[2:4])
        if not database.is_sqlite:
            taken += sum(map(_busy_seconds, home.backends(str(database.url.database))))
        return taken


def main() -> None:
    """Make a campaign of each size, measure them in turn, and print the table."""
    sizes = [int(each) for each in sys.argv[1:] if each.isdecimal()] or list(SIZES)
    is_postgresql = "--postgresql" in sys.argv
    names = [f"grown_{number}" for number in sizes]
    with home.homes(*names, is_postgresql=is_postgresql) as urls, ExitStack() as stack:
        grown = [_grow(stack, url, number) for url, number in zip(urls, sizes, strict=True)]
        kind = "PostgreSQL" if is_postgresql else "SQLite"
        rounds = f"of {ROUNDS} rounds the middle one counts"
        report.heading("What it costs as a campaign grows", f"{kind}; processor time; no network; {rounds}")
        _print("milliseconds each", sizes)
        for name, requests in ACTS.items():
            _print(name, *_told(_take_turns(grown, requests), 1000))
        _print("microseconds a row, and MiB", sizes)
        for name, act in WALKS.items():
            taken = [_walk(each, act) for each in grown]
            peaks = " ".join(f"{peak / 2**20:6.1f}" for _seconds, peak in taken)
            figures = [seconds / each.number for (seconds, _peak), each in zip(taken, grown, strict=True)]
            _print(name, *_told(figures, 1e6), f"MiB {peaks}")


def _grow(stack: ExitStack, url: str, number: int) -> Grown:
    database = Database(url)
    database.migrate()
    filled = filling.fill(database, number)
    database.close()
    clock = Clock()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    settings = Settings(instance=folder, database_url=url, secret_key=SECRET)
    app = create_app(replace(settings, unlimited_networks=(ip_network("127.0.0.0/8"),)), clock=clock)
    made = Grown(number, app, clock, filled)
    stack.callback(made.site.close)
    return made


def _request(path: str, form: dict[str, str] | None = None, **headers: str) -> Request:
    method, here = "GET" if form is None else "POST", {"REMOTE_ADDR": "127.0.0.1"}
    return EnvironBuilder(
        path, method=method, data=form, headers=Headers(headers), environ_base=here
    ).get_environ()


def _signing(grown: Grown) -> Iterable[Request]:
    for at, code in zip(range(A_ROUND), cycle(CODES)):
        form = FORM | {"email": f"mara{next(grown.numbers)}@house{at}.example"}
        yield _request(f"/en/letters/{code}", form)


def _confirming(grown: Grown) -> Iterable[Request]:
    tokens = [new_code() for _ in range(A_ROUND)]
    today = grown.clock().date()
    pending: dict[str, Any] = {
        "edition": 1,
        "language": "en",
        "residence": "FR",
        "disclosure": "counted",
        "has_words": False,
    }
    rows = [
        {"state_code": code, "id": uuid4(), "digest": os.urandom(32), "signed_on": today, **pending}
        for _, code in zip(tokens, cycle(CODES))
    ]
    key = grown.site.keys.row
    for row in rows:
        row |= new_macs(key, row)
    with grown.site.database.writing() as db:
        db.execute(insert(Signature), rows)
        links = [
            token_row(db, code_hash(token), row["state_code"], row["id"])
            for token, row in zip(tokens, rows, strict=True)
        ]
        db.execute(insert(SignatureToken), links)
    for token in tokens:
        yield _request(f"/en/signature/{token}", {"action": "confirm"})


def _letters(grown: Grown) -> Iterable[Request]:
    grown.clock.ahead += timedelta(seconds=25)
    return [_request(f"/en/letters/{code}") for code in CODES[:A_ROUND]]


def _page(path: str) -> Callable[[Grown], Iterable[Request]]:
    def requests(grown: Grown) -> Iterable[Request]:
        for _ in range(A_ROUND // 2):
            grown.clock.ahead += timedelta(seconds=2)
            yield _request(path)

    return requests


def _organisers(path: str) -> Callable[[Grown], Iterable[Request]]:
    def requests(grown: Grown) -> Iterable[Request]:
        if not grown.cookie:
            grown.log_in()
        for _ in range(A_ROUND // 4):
            grown.site.snapshots.expire()
            yield _request(path, Cookie=grown.cookie)

    return requests


ACTS = {
    "sign": _signing,
    "confirm": _confirming,
    "letter page": _letters,
    "progress page": _page("/en/progress"),
    "home page": _page("/en/"),
    "/healthz": _page("/healthz"),
    "/metrics": _page("/metrics"),
    "dashboard": _organisers("/organise/"),
    "names to approve": _organisers("/organise/signatures"),
    "checks": _organisers("/organise/checks"),
    "deliveries": _organisers("/organise/deliveries"),
    "notices": _organisers("/organise/notices"),
}


def _take_turns(grown: list[Grown], requests: Callable[[Grown], Iterable[Request]]) -> list[float]:
    """Return the seconds that one request takes at each size."""
    for each in grown:
        _answer(each, requests)
    rounds = [[_answer(each, requests) for each in grown] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def _answer(grown: Grown, requests: Callable[[Grown], Iterable[Request]]) -> float:
    taken, number = 0.0, 0
    for environ in requests(grown):
        began = grown.seconds()
        body, status, _headers = run_wsgi_app(grown.app.wsgi_app, environ, buffered=True)
        b"".join(body)
        taken, number = taken + grown.seconds() - began, number + 1
        if status[:3] not in {"200", "303"}:
            raise SystemExit(f"{environ['PATH_INFO']} was answered {status}")
    return taken / number


def _list(grown: Grown) -> None:
    with grown.site.database.reading() as db:
        rows = entry.for_organisers(db, CODES, key_ring(db, grown.filled.campaign_key))
        lines = sum(chunk.count("\n") for chunk in csv_file.lines(rows))
    if lines < grown.number * 0.9:
        raise SystemExit(f"the list has {lines:,} lines")


def _recount(grown: Grown) -> None:
    with grown.site.database.writing() as db:
        if compare(db):
            raise SystemExit("the counts differ from the rows")


def _doctor(grown: Grown) -> None:
    site = grown.site
    examine(site.settings, site.appeal, site.database, now=grown.clock())


def _erase(grown: Grown) -> None:
    """Erase everything personal, as it is done some months after the close."""
    with grown.site.database.session(writes=True) as db:
        for _rows in erase.erase_personal_data(db):
            db.commit()
        db.commit()


WALKS = {
    "list of every letter (CSV)": _list,
    "recount": _recount,
    "doctor": _doctor,
    "erase what is due": _erase,
}


def _walk(grown: Grown, act: Callable[[Grown], None]) -> tuple[float, int]:
    """Return the seconds that *act* takes, and the bytes that it needs at most."""
    # Linux's proc(5): the most that was held is forgotten.
    Path("/proc/self/clear_refs").write_text("5")
    before, began = _memory("VmRSS"), grown.seconds()
    act(grown)
    return grown.seconds() - began, _memory("VmHWM") - before


def _memory(name: str) -> int:
    line = Path("/proc/self/status").read_text().partition(f"{name}:")[2]
    return int(line.split()[0]) * 1024


def _busy_seconds(process: int) -> float:
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return 0.0


def _told(figures: list[float], factor: float) -> tuple[list[float], str]:
    ratio = max(figures) / figures[0]
    return [figure * factor for figure in figures], f"{ratio:.2f} × the smallest"


def _print(name: str, figures: Iterable[float], *remarks: str) -> None:
    cells = " ".join(
        f"{figure:>11,.2f}" if isinstance(figure, float) else f"{figure:>11,}" for figure in figures
    )
    print(f"  {name:<28} {cells}   {'   '.join(remarks)}", flush=True)


if __name__ == "__main__":
    main()
