"""Timing differences between a first and a repeated signature, a known and an unknown mailbox.

Run ``python -m tests.bench.repeated [SAMPLES] [--postgresql]``. Requests of every kind take turns, one at a
time, in a new random order for each round. Beside the medians stands how often a request of that kind took
longer than one of the first kind (Mann-Whitney): of 100, about 50 when nobody could tell them apart.
Their answers must be the same, byte for byte.
"""

import random
import re
import statistics
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from math import erfc, sqrt
from pathlib import Path
from uuid import uuid4

from campaign.clock import SYSTEM_CLOCK
from campaign.mail.daily_limit import MailRequest, reserve_mails
from campaign.sealing import box as seal
from campaign.sealing.address_digest import AddressDigests
from campaign.sealing.box import Details
from campaign.sealing.campaign_key import current_key
from campaign.signature.model import Signature
from campaign.signature.signature_mac import decided_mac, digest_mac
from tests.bench import home, load, report, server, site
from tests.bench.site import MadeSite

SAMPLES, WARM_UP = 500, 40

OURS = "campaign.web.application:from_environment"

_DATE = re.compile(rb"\r\ndate: [^\r]+", re.IGNORECASE)


@dataclass
class Kind:
    """Requests that somebody might want to tell from others, and how long each took."""

    name: str
    letters: int = 0
    """How many letters the mailbox has signed, and confirmed."""
    days_ago: int = 1
    mails_today: int = 0
    """How many it was sent before."""
    seconds: list[float] = field(default_factory=list)
    answers: set[bytes] = field(default_factory=set)

    def address(self, number: int) -> str:
        """Return a mailbox that no other request uses."""
        return f"mara@house{number:05}-{id(self):x}.example"


SIGNING = (
    Kind("first"),
    Kind("signed on another day", letters=1),
    Kind("signed today", letters=1, days_ago=0),
    Kind("had five messages today", letters=1, mails_today=5),
)

ASKING = (
    Kind("unknown"),
    Kind("signed one letter", letters=1),
    Kind("signed one letter today", letters=1, days_ago=0),
    Kind("signed twenty letters", letters=20),
    Kind("had five messages today", letters=1, mails_today=5),
)

CODES = "de fr it at ch be nl lu dk se no fi is ie gb es pt gr pl cz".split()  # noqa: SIM905


def main() -> None:
    """Measure both forms, and print what could be told."""
    arguments = [each for each in sys.argv[1:] if not each.startswith("--")]
    samples = int(arguments[0]) if arguments else SAMPLES
    is_postgresql = "--postgresql" in sys.argv
    with tempfile.TemporaryDirectory() as name, home.homes("repeated", is_postgresql=is_postgresql) as [url]:
        made = site.make(Path(name) / "instance", url)
        for kind in (*SIGNING, *ASKING):
            _prepare(made, kind, samples + WARM_UP)
        with server.serving(OURS, made.environment, Path(name) / "log") as ours:
            server.pin(server.CLIENT_CORES)
            line = load.Connection(ours.port)
            for kinds, request in ((SIGNING, _signing), (ASKING, _asking)):
                _measure(line, kinds, partial(request, ours.port), samples)
    report.heading(
        "Answers by what the site knows of a mailbox", report.of_server(), f"{samples} samples each"
    )
    for title, kinds in (("signing", SIGNING), ("send me my link", ASKING)):
        print(f"  {title}")
        for kind in kinds:
            print("   ", _told(kinds[0], kind))
        if len({answer for kind in kinds for answer in kind.answers}) != 1:
            raise SystemExit("the answers differ in more than time")
    print("  all answers of a form were the same, byte for byte but for the date")


def _prepare(made: MadeSite, kind: Kind, number: int) -> None:
    """Leave each mailbox of *kind* as signing, confirming and asking for mails would have left it."""
    database, keys = made.database(), made.keys()
    today = SYSTEM_CLOCK().date()
    with database.writing() as db:
        key = current_key(db)
        for email in (kind.address(each) for each in range(number if kind.letters else 0)):
            mailbox = AddressDigests.of(keys, email)
            rows = [
                Signature(
                    id=uuid4(),
                    state_code=code,
                    edition=made.edition,
                    language="en",
                    residence="FR",
                    disclosure="delegation",
                    signed_on=today - timedelta(days=kind.days_ago),
                    confirmed_on=today - timedelta(days=kind.days_ago),
                    digest=mailbox.for_letter(code),
                    key_id=key.id,
                    organisers_only=False,
                )
                for code in CODES[: kind.letters]
            ]
            for row in rows:
                assert row.digest
                row.digest_mac = digest_mac(keys.row, row.state_code, row.id, row.digest)
                row.decision_mac = decided_mac(keys.row, row)
                details = Details(name="Mara Example", email=email)
                row.sealed = seal.seal(details, key.public_key, row.context)
            db.add_all(rows)
            for _ in range(kind.mails_today):
                reserve_mails(db, [MailRequest(mailbox.for_day(today), b"", None)], on=today)
    database.close()


def _signing(port: int, email: str) -> bytes:
    form = {"name": "Mara Example", "email": email, "residence": "FR", "town": "", "words": ""}
    form |= {"disclosure": "delegation", "consent": "y", "website": ""}
    return load.post(port, "/en/letters/de", form)


def _asking(port: int, email: str) -> bytes:
    return load.post(port, "/en/signature", {"email": email})


def _measure(
    line: load.Connection, kinds: tuple[Kind, ...], request: Callable[[str], bytes], samples: int
) -> None:
    """Let the kinds take turns; the first rounds warm everything up and are not counted."""
    for number in range(samples + WARM_UP):
        for kind in random.sample(kinds, len(kinds)):
            line.send(request(kind.address(number)))
            while not line.is_answered():
                pass
            if number >= WARM_UP:
                kind.seconds.append(time.perf_counter() - line.sent_at)
                kind.answers.add(_DATE.sub(b"", line.received))


def _told(first: Kind, kind: Kind) -> str:
    """Return in one line how well *kind* could be told from *first*."""
    middle = statistics.median(kind.seconds)
    said = f"{kind.name:<34} median {middle * 1000:6.3f} ms"
    if kind is first:
        return said
    longer, chance = mann_whitney(first.seconds, kind.seconds)
    difference = (middle - statistics.median(first.seconds)) * 1e6
    return f"{said} ({difference:+5.0f} µs)   took longer {longer * 100:4.1f} of 100 times (p = {chance:.2g})"


def mann_whitney(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """Return how often one of *other* is larger than one of *one*, and how likely chance makes it so."""
    ordered = sorted(one)
    larger = sum(bisect_left(ordered, each) for each in other)
    pairs = len(one) * len(other)
    deviation = sqrt(pairs * (len(one) + len(other) + 1) / 12)
    return larger / pairs, erfc(abs(larger - pairs / 2) / deviation / sqrt(2))


if __name__ == "__main__":
    main()
