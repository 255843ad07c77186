"""Proofs of work: a puzzle that the browser solves, or, without JavaScript, a ticket and a wait.

The puzzle is ALTCHA's (PBKDF2, as in its version 2). Puzzle and ticket are signed with a key of the
server and exist in the page only: nothing is stored before a proof is spent.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import altcha
from sqlalchemy import LargeBinary, delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base, built_once, upsert
from campaign.errors import ProofError
from campaign.guard.threshold import (
    MAX_TRIES,
    MIN_TRIES,
    PLACE_SECONDS,
    PROOF_SECONDS,
    PUZZLE_COST,
    TICKET_SECONDS,
)

ALGORITHM = "PBKDF2/SHA-256"

MAX_ANSWER_CHARACTERS = 4_000
"""Of the browser's answer, which has about 800."""

_TICKET = re.compile(r"([0-9]{1,12})\.([0-9a-f]{16})([0-9a-f]{64})")
"""When it was issued, a random value, and the tag."""


class SpentProof(Base):
    """A proof that a signature or a login used; deleted once the proof has expired."""

    __tablename__ = "spent_proof"

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Proof(NamedTuple):
    """A solved puzzle; it can be spent once."""

    hash: bytes
    expires_at: datetime


def puzzle(key: bytes, *, now: datetime) -> str:
    """Return a new puzzle, as JSON for the browser."""
    until = int((now + timedelta(seconds=PROOF_SECONDS)).timestamp())
    challenge = altcha.create_challenge(
        ALGORITHM,
        PUZZLE_COST,
        # The solution is chosen within narrow bounds, so that all puzzles take about the same time.
        counter=MIN_TRIES + secrets.randbelow(MAX_TRIES - MIN_TRIES),
        # Our own expiry: altcha would compare its own with the machine's clock.
        data={"until": until},
        hmac_secret=key,
        hmac_key_secret=_answer_key(key),
    )
    return json.dumps(challenge.to_dict())


def read(key: bytes, answer: str, *, now: datetime) -> Proof:
    """Verify *answer*, as the browser sent it, and return the proof.

    Raises:
        ProofError: It does not answer a puzzle of this server, or the puzzle has expired.
    """
    if len(answer) > MAX_ANSWER_CHARACTERS:
        raise ProofError("the answer is too long")
    result = altcha.verify_solution(answer, key, hmac_key_secret=_answer_key(key))
    if not result.verified:
        raise ProofError("the answer does not solve a puzzle of this server")
    challenge = json.loads(base64.b64decode(answer))["challenge"]
    until = datetime.fromtimestamp(challenge["parameters"]["data"]["until"], now.tzinfo)
    if until < now:
        raise ProofError("the puzzle has expired")
    return Proof(hashlib.sha256(challenge["signature"].encode()).digest(), until)


def spend(db: Session, proof: Proof) -> None:
    """Record *proof* as used, in the caller's transaction.

    Raises:
        ProofError: It was used before.
    """
    if db.connection().execute(_statement(db), proof._asdict()).first() is None:
        raise ProofError("the proof was used before")


def delete_expired(db: Session, *, now: datetime) -> None:
    """Delete spent proofs that have expired: they are refused for their age."""
    db.execute(delete(SpentProof).where(SpentProof.expires_at < now))


def ticket(key: bytes, mailbox: bytes, *, now: datetime) -> str:
    """Return a ticket for one mailbox and letter, valid from 20 seconds to ten minutes after *now*.

    Args:
        key: The server's key for proofs.
        mailbox: The mailbox and the letter; they are signed, but not part of the ticket.
        now: When the ticket is issued.
    """
    # The random value tells tickets of one second apart, or one would spend another's.
    issued, nonce = int(now.timestamp()), secrets.token_hex(8)
    return f"{issued}.{nonce}{_sign_ticket(key, issued, nonce, mailbox)}"


def ticket_wait(key: bytes, given: str, mailbox: bytes, *, now: datetime) -> int:
    """Return the seconds until the ticket *given* is valid; 0 if it is.

    Raises:
        ProofError: It is not from this server, not for this mailbox and letter, or has expired.
    """
    issued = _issued(key, given, mailbox, now=now, valid_seconds=PROOF_SECONDS)
    return max(0, TICKET_SECONDS - int(now.timestamp()) + issued)


def ticket_came(key: bytes, given: str, subject: bytes, *, now: datetime) -> datetime | None:
    """Return the date of a ticket that keeps a place, ``None`` if *given* is no such ticket for *subject*."""
    try:
        issued = _issued(key, given, subject, now=now, valid_seconds=PLACE_SECONDS)
    except ProofError:
        return None
    return datetime.fromtimestamp(issued, now.tzinfo)


def ticket_proof(given: str, *, now: datetime) -> Proof:
    """Return a valid ticket as a proof, where it is good only once."""
    return Proof(hashlib.sha256(given.encode()).digest(), now + timedelta(seconds=PROOF_SECONDS))


@built_once
def _statement(db: Session) -> Any:
    """Return the statement that inserts a spent proof unless it is there."""
    table = SpentProof.__table__
    return upsert(db, table).on_conflict_do_nothing().returning(table.c.hash)


def _answer_key(key: bytes) -> bytes:
    return hmac.digest(key, b"answers", "sha256")


def _issued(key: bytes, given: str, subject: bytes, *, now: datetime, valid_seconds: int) -> int:
    found = _TICKET.fullmatch(given)
    if not found:
        raise ProofError("the ticket is malformed")
    issued, nonce, tag = int(found[1]), found[2], found[3]
    if not hmac.compare_digest(tag, _sign_ticket(key, issued, nonce, subject)):
        raise ProofError("the ticket is not for this mailbox and letter")
    # A ticket from the future was issued before the clock was set back.
    if not -TICKET_SECONDS <= int(now.timestamp()) - issued <= valid_seconds:
        raise ProofError("the ticket has expired")
    return issued


def _sign_ticket(key: bytes, issued: int, nonce: str, subject: bytes) -> str:
    signed = b"ticket" + issued.to_bytes(8, "big") + bytes.fromhex(nonce) + subject
    return hmac.digest(key, signed, "sha256").hex()
