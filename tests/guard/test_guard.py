"""What the guard counts, remembers and forgets; proofs and tickets."""

import base64
import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

import altcha
import pytest
from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign.database.session import Database
from campaign.errors import ProofError
from campaign.guard import network, proof_of_work, surge
from campaign.guard import rate_limit as memories
from campaign.guard.limit import (
    MAILBOXES_OF_A_DOMAIN,
    PROOF_SECONDS,
    RUSH,
    SIGNATURES_OF_A_DOMAIN,
    TICKET_SECONDS,
    Limit,
)
from campaign.guard.mail_domain import PUBLIC, is_disposable, owned_domain
from campaign.guard.proof_of_work import SpentProof
from campaign.guard.rate_limit import Memory
from campaign.guard.sliding_window import Window
from tests.conftest import NOW, Clock

KEY = b"made-up key of thirty-two bytes."

HOME, ELSEWHERE = "192.0.2.1", "192.0.2.2"


def test_a_window_moves_with_the_time() -> None:
    window = Window(600)
    for _ in range(4):
        window.add(b"a", 1000)

    assert window.count(b"a", 1199) == 4
    assert window.count(b"a", 1500) == 2
    assert window.count(b"a", 1800) == 0
    assert window.count(b"b", 1199) == 0


@given(
    some.lists(some.integers(0, 2000), min_size=1, max_size=30), some.integers(1, 10), some.integers(0, 3000)
)
def test_whoever_waits_as_long_as_told_may_come_and_two_seconds_sooner_not(
    times: list[int], most: int, later: int
) -> None:
    window = Window(600)
    for at in sorted(times):
        window.add(b"a", at)
    now = max(times) + later

    wait = window.wait(b"a", most, now)

    assert window.wait(b"a", most, now + wait) == 0
    assert wait < 2 or window.wait(b"a", most, now + wait - 2) > 0


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8:1::1", "2001:db8:1:ffff::2", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        (None, "nonsense", True),
    ],
)
def test_a_network_is_an_ipv4_address_or_a_48(one: str | None, other: str, is_same: bool) -> None:
    assert (network.prefix(one) == network.prefix(other)) == is_same


@pytest.mark.parametrize(
    ("address", "is_there"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("198.51.100.1", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        (None, False),
        ("", False),
        ("unknown", False),
    ],
)
def test_only_addresses_of_the_networks_that_were_named_are_unlimited(
    address: str | None, is_there: bool
) -> None:
    networks = (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))

    assert network.is_within(address, networks) == is_there


def test_a_network_waits_for_the_window_and_then_for_midnight(clock: Clock) -> None:
    memory, limit = Memory(), Limit(window=2, day=3)
    for expected in (0, 0, 600):
        wait = memory.wait("sign", HOME, limit, clock())
        assert abs(wait - expected) <= 1
        clock.forward(seconds=wait)
        memory.count("sign", HOME, clock())

    assert memory.wait("sign", HOME, limit, clock()) == pytest.approx(12 * 3600 - 600, abs=5)
    assert memory.wait("sign", ELSEWHERE, limit, clock()) == 0
    assert memory.wait("post", HOME, limit, clock()) == 0

    clock.forward(hours=12)
    assert memory.wait("sign", HOME, limit, clock()) == 0


def _held(content: Any, seen: set[int]) -> bytes:
    """Return every byte that *content* and what hangs on it are made of."""
    if id(content) in seen:
        return b""
    seen.add(id(content))
    if isinstance(content, str | bytes):
        return content.encode() if isinstance(content, str) else content
    if isinstance(content, dict):
        content = [*content.keys(), *content.values()]
    if isinstance(content, list | tuple | set):
        return b"".join(_held(each, seen) for each in content)
    return _held(vars(content), seen) if hasattr(content, "__dict__") else b""


def test_memory_holds_no_address_and_the_next_day_nothing_that_matches(clock: Clock) -> None:
    def remembered() -> bytes:
        for _ in range(2):
            memory.count("sign", HOME, clock())
            memory.is_crowded("mara@mara-example.org", clock())
        return _held(memory, set())

    memory = Memory()
    today = remembered()
    key = next(iter(memory._day.since_midnight["sign"]))
    clock.forward(days=1)
    tomorrow = remembered()

    for needle in (b"mara", b"192.0", network.prefix(HOME)):
        assert needle not in today
    assert key in today
    assert key not in tomorrow


def test_what_is_remembered_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr("campaign.guard.sliding_window.MOST_KEYS", 50)
    memory = Memory()
    for number in range(200):
        memory.count("sign", f"10.0.0.{number}", clock())
        memory.is_crowded(f"mara@example{number}.org", clock())

    day = memory._day
    assert len(day.since_midnight["sign"]) == 50
    assert len(day.windows["sign"]._counts) == 50
    assert len(day.domains) == 50
    assert memory.wait("sign", "10.0.0.199", Limit(1, 9), clock()) > 0


def test_a_domain_is_crowded_from_its_21st_mailbox_on(clock: Clock) -> None:
    memory = Memory()
    answers = [
        memory.is_crowded(f"m{number}@sub{number}.evil.example", clock())
        for number in range(MAILBOXES_OF_A_DOMAIN + 2)
    ]

    assert answers == [False] * MAILBOXES_OF_A_DOMAIN + [True, True]
    assert memory.is_crowded("m1@evil.example", clock())
    assert not memory.is_crowded("m1@good.example", clock())
    clock.forward(days=1)
    assert not memory.is_crowded("m1@evil.example", clock())


def test_one_person_may_sign_every_letter_from_a_domain_of_their_own(clock: Clock) -> None:
    memory = Memory()
    answers = [memory.is_crowded("mara@mara.example", clock()) for _ in range(SIGNATURES_OF_A_DOMAIN + 1)]

    assert answers == [False] * SIGNATURES_OF_A_DOMAIN + [True]
    assert SIGNATURES_OF_A_DOMAIN >= 57


@pytest.mark.parametrize("domain", ["gmail.com", "mail.ru", "mail.kz", "yandex.kz", "proton.me", "gmx.de"])
def test_a_public_provider_is_never_crowded(domain: str, clock: Clock) -> None:
    memory = Memory()

    assert not any(memory.is_crowded(f"m{number}@{domain}", clock()) for number in range(200))


def test_a_rush_is_told_once_and_again_while_it_goes_on(clock: Clock) -> None:
    memory = Memory()
    seen = []
    for number in range(RUSH * 4):
        if memory.is_rushing(clock()):
            seen.append(number)
        clock.forward(seconds=1)

    assert seen[0] == RUSH
    assert 2 <= len(seen) <= 3
    assert clock() < memory.guarded_until <= clock() + timedelta(minutes=10)


def test_a_rush_after_the_clock_was_set_back_is_told_anew(clock: Clock) -> None:
    memory = Memory()
    assert [memory.is_rushing(clock()) for _ in range(RUSH + 1)][-1]
    clock.forward(hours=-1)

    assert any(memory.is_rushing(clock()) for _ in range(RUSH + 1))
    assert memory.guarded_until == clock() + timedelta(minutes=10)


def test_a_good_day_is_no_rush(clock: Clock) -> None:
    memory = Memory()
    for _ in range(500):
        clock.forward(seconds=66 / RUSH)
        assert not memory.is_rushing(clock())


def test_every_process_learns_of_a_rush(database: Database) -> None:
    for minutes in (5, 10):
        with database.writing() as db:
            surge.guard_until(db, NOW + timedelta(minutes=minutes))

    with database.reading() as db:
        assert surge.guarded_until(db) == NOW + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("domain", "is_so"),
    [
        ("mailinator.com", True),
        ("any.name.mailinator.com", True),
        ("mailinator.example", False),
        ("com", False),
        ("example.org", False),
    ],
)
def test_a_disposable_domain_is_known_with_what_lies_below_it(domain: str, is_so: bool) -> None:
    assert is_disposable(domain) == is_so


def test_no_public_provider_is_called_disposable() -> None:
    assert [domain for domain in PUBLIC if is_disposable(domain)] == []


@pytest.mark.parametrize(
    ("domain", "owned"),
    [
        ("evil.example", "evil.example"),
        ("a.b.c.evil.example", "evil.example"),
        ("a.evil.co.uk", "evil.co.uk"),
        ("evil.com.kz", "evil.com.kz"),
        ("a.evil.kz", "evil.kz"),
        ("localhost", "localhost"),
    ],
)
def test_names_below_a_domain_count_as_the_domain(domain: str, owned: str) -> None:
    assert owned_domain(domain) == owned


def solved(puzzle: str, **changes: Any) -> str:
    """Return the answer to *puzzle* as a browser finds it, with *changes* to the puzzle's parameters."""
    content = json.loads(puzzle)
    solution = altcha.solve_challenge(altcha.Challenge.from_dict(content))
    assert solution is not None
    content["parameters"] |= changes
    answer = {"challenge": content, "solution": solution.to_dict()}
    return base64.b64encode(json.dumps(answer).encode()).decode()


@pytest.fixture(scope="module")
def puzzle() -> str:
    return proof_of_work.puzzle(KEY, now=NOW)


@pytest.fixture(scope="module")
def answer(puzzle: str) -> str:
    return solved(puzzle)


def test_a_solved_puzzle_is_a_proof_that_is_spent_once(db: Session, answer: str) -> None:
    given = proof_of_work.read(KEY, answer, now=NOW)
    proof_of_work.spend(db, given)
    db.commit()

    with pytest.raises(ProofError):
        proof_of_work.spend(db, proof_of_work.read(KEY, answer, now=NOW))


def test_a_proof_of_a_signature_that_was_not_kept_is_not_spent(db: Session, answer: str) -> None:
    proof_of_work.spend(db, proof_of_work.read(KEY, answer, now=NOW))
    db.rollback()

    proof_of_work.spend(db, proof_of_work.read(KEY, answer, now=NOW))


def test_another_answer_to_the_same_puzzle_is_the_same_proof(answer: str) -> None:
    content = json.loads(base64.b64decode(answer))
    content["solution"]["time"] = 1
    again = base64.b64encode(json.dumps(content, indent=1).encode()).decode()

    assert proof_of_work.read(KEY, again, now=NOW) == proof_of_work.read(KEY, answer, now=NOW)


def test_a_spent_proof_is_forgotten_when_it_would_be_too_old(db: Session, answer: str) -> None:
    proof_of_work.spend(db, proof_of_work.read(KEY, answer, now=NOW))
    late = NOW + timedelta(seconds=PROOF_SECONDS + 1)
    proof_of_work.forget_spent(db, now=NOW)
    assert db.scalar(select(func.count()).select_from(SpentProof)) == 1
    proof_of_work.forget_spent(db, now=late)

    assert db.scalar(select(func.count()).select_from(SpentProof)) == 0
    with pytest.raises(ProofError):
        proof_of_work.read(KEY, answer, now=late)


WRONG: dict[str, Callable[[str], str]] = {
    "nothing": lambda _: "",
    "no base 64": lambda _: "é%",
    "no JSON": lambda _: base64.b64encode(b"{").decode(),
    "another kind of JSON": lambda _: base64.b64encode(b"[1]").decode(),
    "deep JSON": lambda _: base64.b64encode(b"[" * 2900).decode(),
    "endless": lambda answer: answer + "A" * 10_000,
    "an easier puzzle": lambda answer: _altered(answer, "challenge", "parameters", cost=1),
    "a later end": lambda answer: _altered(answer, "challenge", "parameters", data={"until": 9e9}),
    "no signature": lambda answer: _altered(answer, "challenge", signature=""),
    "another solution": lambda answer: _altered(answer, "solution", derivedKey="00" * 32),
    "no solution": lambda answer: _altered(answer, "solution", derivedKey=None),
}


def _altered(answer: str, *path: str, **changes: Any) -> str:
    content = json.loads(base64.b64decode(answer))
    at = content
    for name in path:
        at = at[name]
    at |= changes
    return base64.b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize("how", WRONG)
def test_what_is_no_answer_of_ours_is_refused(how: str, answer: str) -> None:
    with pytest.raises(ProofError):
        proof_of_work.read(KEY, WRONG[how](answer), now=NOW)


def test_the_answer_to_another_servers_puzzle_is_refused(answer: str) -> None:
    with pytest.raises(ProofError):
        proof_of_work.read(secrets.token_bytes(32), answer, now=NOW)


@given(some.text(max_size=300))
def test_no_text_breaks_the_reading_of_answers_and_tickets(text: str) -> None:
    with pytest.raises(ProofError):
        proof_of_work.read(KEY, text, now=NOW)
    with pytest.raises(ProofError):
        proof_of_work.ticket_wait(KEY, text, b"mailbox", now=NOW)


def test_a_ticket_is_good_after_a_while_and_for_a_while() -> None:
    ticket = proof_of_work.ticket(KEY, b"mailbox", now=NOW)

    def wait(seconds: int) -> int:
        return proof_of_work.ticket_wait(KEY, ticket, b"mailbox", now=NOW + timedelta(seconds=seconds))

    assert wait(0) == TICKET_SECONDS
    assert wait(TICKET_SECONDS - 1) == 1
    assert wait(TICKET_SECONDS) == 0
    assert wait(PROOF_SECONDS) == 0
    with pytest.raises(ProofError):
        wait(PROOF_SECONDS + 1)


def test_a_ticket_from_before_the_clock_was_set_back_is_none() -> None:
    ticket = proof_of_work.ticket(KEY, b"mailbox", now=NOW)

    # Another machine's clock may be a little behind.
    assert (
        proof_of_work.ticket_wait(KEY, ticket, b"mailbox", now=NOW - timedelta(seconds=2))
        == TICKET_SECONDS + 2
    )
    with pytest.raises(ProofError):
        proof_of_work.ticket_wait(KEY, ticket, b"mailbox", now=NOW - timedelta(hours=1))


def test_a_rush_is_over_in_time_though_the_clock_was_set_back() -> None:
    until = NOW + timedelta(minutes=10)

    assert surge.is_guarded(until, NOW)
    assert not surge.is_guarded(until, NOW + timedelta(minutes=11))
    assert not surge.is_guarded(until, NOW - timedelta(hours=1))
    assert not surge.is_guarded(None, NOW)


@pytest.mark.parametrize(
    ("key", "mailbox", "now"),
    [
        (KEY, b"another", NOW),
        (b"another key", b"mailbox", NOW),
    ],
)
def test_a_ticket_is_of_no_use_elsewhere(key: bytes, mailbox: bytes, now: datetime) -> None:
    ticket = proof_of_work.ticket(KEY, b"mailbox", now=NOW)

    with pytest.raises(ProofError):
        proof_of_work.ticket_wait(key, ticket, mailbox, now=now)


def test_a_ticket_cannot_be_dated_back() -> None:
    begins, _, tag = proof_of_work.ticket(KEY, b"mailbox", now=NOW).partition(".")

    with pytest.raises(ProofError):
        proof_of_work.ticket_wait(KEY, f"{int(begins) - 30}.{tag}", b"mailbox", now=NOW)


def test_the_salt_is_drawn_by_each_process_for_itself(clock: Clock) -> None:
    keys = set()
    for _ in range(2):
        memory = memories.Memory()
        memory.count("sign", HOME, clock())
        keys |= set(memory._day.since_midnight["sign"])

    assert len(keys) == 2
