"""Proofs of work: puzzles and tickets."""

import base64
import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import altcha
import pytest
from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign.errors import ProofError
from campaign.guard import proof_of_work
from campaign.guard.proof_of_work import SpentProof
from campaign.guard.threshold import PROOF_SECONDS, TICKET_SECONDS
from tests.conftest import NOW

KEY = b"made-up key of thirty-two bytes."


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


def test_a_proof_of_a_signature_that_was_not_stored_is_not_spent(db: Session, answer: str) -> None:
    proof_of_work.spend(db, proof_of_work.read(KEY, answer, now=NOW))
    db.rollback()

    proof_of_work.spend(db, proof_of_work.read(KEY, answer, now=NOW))


def test_another_answer_to_the_same_puzzle_is_the_same_proof(answer: str) -> None:
    content = json.loads(base64.b64decode(answer))
    content["solution"]["time"] = 1
    again = base64.b64encode(json.dumps(content, indent=1).encode()).decode()

    assert proof_of_work.read(KEY, again, now=NOW) == proof_of_work.read(KEY, answer, now=NOW)


def test_a_spent_proof_is_deleted_once_it_has_expired(db: Session, answer: str) -> None:
    proof_of_work.spend(db, proof_of_work.read(KEY, answer, now=NOW))
    late = NOW + timedelta(seconds=PROOF_SECONDS + 1)
    proof_of_work.delete_expired(db, now=NOW)
    assert db.scalar(select(func.count()).select_from(SpentProof)) == 1
    proof_of_work.delete_expired(db, now=late)

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
def test_anything_but_an_answer_to_our_puzzle_is_refused(how: str, answer: str) -> None:
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


def test_a_ticket_is_valid_after_its_wait_and_until_it_expires() -> None:
    ticket = proof_of_work.ticket(KEY, b"mailbox", now=NOW)

    def wait(seconds: int) -> int:
        return proof_of_work.ticket_wait(KEY, ticket, b"mailbox", now=NOW + timedelta(seconds=seconds))

    assert wait(0) == TICKET_SECONDS
    assert wait(TICKET_SECONDS - 1) == 1
    assert wait(TICKET_SECONDS) == 0
    assert wait(PROOF_SECONDS) == 0
    with pytest.raises(ProofError):
        wait(PROOF_SECONDS + 1)


def test_a_ticket_from_before_the_clock_was_set_back_is_refused() -> None:
    ticket = proof_of_work.ticket(KEY, b"mailbox", now=NOW)

    # Another machine's clock may be a little behind.
    assert (
        proof_of_work.ticket_wait(KEY, ticket, b"mailbox", now=NOW - timedelta(seconds=2))
        == TICKET_SECONDS + 2
    )
    with pytest.raises(ProofError):
        proof_of_work.ticket_wait(KEY, ticket, b"mailbox", now=NOW - timedelta(hours=1))


@pytest.mark.parametrize(
    ("key", "mailbox", "now"),
    [
        (KEY, b"another", NOW),
        (b"another key", b"mailbox", NOW),
    ],
)
def test_a_ticket_is_refused_for_another_mailbox_or_server(key: bytes, mailbox: bytes, now: datetime) -> None:
    ticket = proof_of_work.ticket(KEY, b"mailbox", now=NOW)

    with pytest.raises(ProofError):
        proof_of_work.ticket_wait(key, ticket, mailbox, now=now)


def test_a_ticket_cannot_be_dated_back() -> None:
    begins, _, tag = proof_of_work.ticket(KEY, b"mailbox", now=NOW).partition(".")

    with pytest.raises(ProofError):
        proof_of_work.ticket_wait(KEY, f"{int(begins) - 30}.{tag}", b"mailbox", now=NOW)
