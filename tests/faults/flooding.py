"""A flood of made-up signatures, and supporters who sign at the same time.

The attacker has a few catch-all domains, follows the links in all mails, waits as long as a ticket
requires, and solves the puzzle for a few signatures. The header of the one trusted proxy names the network.
"""

import html
import itertools
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPConnection
from urllib.parse import urlencode

import altcha
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.clock import SYSTEM_CLOCK
from campaign.database.session import Database
from campaign.guard import proof_of_work
from campaign.guard.threshold import TICKET_SECONDS
from campaign.mail.daily_limit import DOMAIN_AT_ONCE
from campaign.sealing.server_key import ServerKeys
from campaign.signature import count
from campaign.signature.model import Signature
from tests.faults.serving import FORM, Server, token_in
from tests.support.factories import address_digest
from tests.support.relay import Relay
from tests.support.worker import eventually, meanwhile

CONNECTIONS = 6

STATES = ("de", "fr", "it", "at", "pl")

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_PUZZLE = re.compile(r'data-puzzle="([^"]+)"')


@dataclass
class Answered:
    """An answer and its response time."""

    status: int
    text: str
    seconds: float


@dataclass
class Signer:
    """A supporter or an attacker, signing one letter from one network."""

    email: str
    network: str
    state: str
    by_puzzle: bool = False
    """Whether to solve the puzzle instead of waiting for the ticket."""
    status: int = 0
    """Status of the last post."""
    asked_at: float = 0.0
    form: dict[str, str] = field(default_factory=dict)
    """Form of the next post."""

    def sign(self, site: "Visitor") -> None:
        """Send the form; if proof of work is required, prepare the form of the next post."""
        self.form = self.form or FORM | {"name": "Mara Example", "email": self.email}
        answered = site.post(f"/en/letters/{self.state}", self.form, self.network)
        self.status, self.asked_at = answered.status, time.monotonic()
        if answered.status == 422:
            self.form = {name: html.unescape(text) for name, text in _HIDDEN.findall(answered.text)}
            if self.by_puzzle:
                self.form["altcha"] = solved(html.unescape(_PUZZLE.findall(answered.text)[0]))

    def wait(self, keys: ServerKeys | None) -> None:
        """Wait until the ticket is valid, or, with the server's *keys*, make one of some time ago."""
        if self.by_puzzle:
            return
        if keys is None:
            time.sleep(max(0.0, self.asked_at + TICKET_SECONDS + 1 - time.monotonic()))
            return
        mailbox = f"{self.state}\0{self.email}".encode()
        then = SYSTEM_CLOCK() - timedelta(seconds=TICKET_SECONDS + 1)
        self.form["ticket"] = proof_of_work.ticket(keys.proof, mailbox, now=then)


def solved(puzzle: str) -> str:
    """Return the solution of *puzzle*."""
    challenge = altcha.Challenge.from_dict(json.loads(puzzle))
    solution = altcha.solve_challenge(challenge)
    assert solution is not None
    return altcha.Payload(challenge, solution).to_base64()


class Visitor:
    """A client behind the trusted proxy; each thread has a connection of its own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._local = threading.local()
        self._lines: list[HTTPConnection] = []

    def close(self) -> None:
        """Close every thread's connection."""
        for line in self._lines:
            line.close()

    def get(self, path: str) -> Answered:
        return self._ask("GET", path, None, {})

    def post(self, path: str, form: dict[str, str], network: str) -> Answered:
        headers = {"X-Forwarded-For": network, "Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, urlencode(form), headers)

    def total(self) -> int:
        return int(json.loads(self.get("/counts.json").text)["total"])

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answered:
        if not hasattr(self._local, "line"):
            self._local.line = HTTPConnection("127.0.0.1", self._port, timeout=120)
            self._lines.append(self._local.line)
        began = time.monotonic()
        self._local.line.request(method, path, body, headers)
        response = self._local.line.getresponse()
        text = response.read().decode()
        return Answered(response.status, text, time.monotonic() - began)


def flood(signatures: int, *, networks: int, domains: int, name: str, solving: int) -> list[Signer]:
    """Return made-up signers, of whom *solving* solve the puzzle, spread over *networks* and *domains*."""
    return [
        Signer(
            email=f"{name}{number}@catch-all{number % domains}.example",
            network=f"10.{networks}.{number % networks}.1",
            state=STATES[number % len(STATES)],
            by_puzzle=number % (signatures // solving) == 0,
        )
        for number in range(signatures)
    ]


def people(number: int, borrowed: Iterable[str]) -> list[Signer]:
    """Return supporters, each from a network of their own; the first few share one with the flood.

    Args:
        number: Of supporters; two of three solve the puzzle, the third has no JavaScript.
        borrowed: Networks of the flood that supporters use as well.
    """
    networks = itertools.chain(borrowed, (f"192.0.2.{each}" for each in itertools.count(1)))
    signers = [
        Signer(f"mara@house{each}.example", network, STATES[each % len(STATES)])
        for each, network in zip(range(number), networks, strict=False)
    ]
    for at, each in enumerate(signers):
        # A ticket from a network of the flood is accepted, and the signature held for review.
        each.by_puzzle = at % 3 > 0 or not each.network.startswith("192.")
    return signers


def let_sign(site: Visitor, signers: list[Signer], keys: ServerKeys | None) -> None:
    """Let all sign at once, and again with proof of work if it is required."""

    def come_back(signer: Signer) -> None:
        signer.wait(keys)
        signer.sign(site)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(lambda each: each.sign(site), signers))
        list(pool.map(come_back, [each for each in signers if each.status == 422]))


def let_confirm(site: Visitor, relay: Relay, signers: list[Signer]) -> None:
    """Follow the link in every mail to one of *signers*."""
    of = {each.email: each for each in signers}
    for mail in list(relay.received):
        signer = of[str(mail["To"])]
        path = f"/en/signature/{token_in(mail)}"
        signer.status = site.post(path, {"action": "confirm"}, signer.network).status


@contextmanager
def reading(site: Visitor) -> Iterator[list[Answered]]:
    """Read letters while the block lasts."""
    pages: list[Answered] = []

    def read(over: threading.Event) -> None:
        for code in itertools.cycle(STATES):
            pages.append(site.get(f"/en/letters/{code}"))
            if over.wait(0.1):
                return

    with meanwhile(read):
        yield pages


@dataclass
class Outcome:
    """Result of a flood."""

    signed: Counter[int]
    """Number of the flood's signatures by final status."""
    counted: int
    """Total that pages show."""
    held: Counter[str | None]
    """Number of the flood's signatures by ``held_for``."""
    pages: list[Answered]


def live(
    server: Server, relay: Relay, made_up: list[Signer], real: list[Signer], *, is_patient: bool
) -> Outcome:
    """Let flood and supporters sign at the same time and confirm; return the result.

    Args:
        server: Trusts one proxy and has no unlimited network.
        relay: Receives its mails.
        made_up: Signers of the flood.
        real: Supporters; each must be counted.
        is_patient: Whether to wait in real time until tickets are valid.
    """
    keys = _keys(server)
    with closing(Visitor(server.port)) as site, reading(site) as pages:
        with ThreadPoolExecutor(2) as pool:
            for each in [
                pool.submit(let_sign, site, signers, None if is_patient else keys)
                for signers in (made_up, real)
            ]:
                each.result()
        signed = Counter(each.status for each in made_up)
        assert Counter(each.status for each in real) == {303: len(real)}
        # Further mails to the flood's domain leave one after the other.
        expected = min(signed[303], DOMAIN_AT_ONCE) + len(real)
        assert eventually(lambda: len(relay.received) >= expected, 600), len(relay.received)
        let_confirm(site, relay, made_up + real)
        counted = _counted(server)
        # The page's count may be a second late.
        assert eventually(lambda: site.total() == counted), (site.total(), counted)
    return Outcome(signed, counted, _held(server, keys, real), pages)


@contextmanager
def _reading(server: Server) -> Iterator[Session]:
    database = Database(f"sqlite:///{server.instance / 'campaign.sqlite'}")
    with closing(database), database.reading() as db:
        yield db


def _keys(server: Server) -> ServerKeys:
    with _reading(server) as db:
        keys = ServerKeys.load(db, (server.instance / "secret_key").read_text())
    assert keys is not None
    return keys


def _counted(server: Server) -> int:
    with _reading(server) as db:
        return count.total(db)


def _held(server: Server, keys: ServerKeys, real: list[Signer]) -> Counter[str | None]:
    """Return the flood's signatures by ``held_for``, after checking that every supporter's one is counted."""
    with _reading(server) as db:
        rows = {row.digest: row for row in db.scalars(select(Signature))}
    for each in real:
        row = rows.pop(address_digest(keys, each.state, each.email))
        assert row.confirmed_on, "somebody real was not confirmed"
        assert row.held_for is None, "somebody real was held"
    return Counter(row.held_for for row in rows.values())
