"""Proofs that somebody took a moment to sign: a puzzle that a browser solves, or a ticket and a wait.

The puzzle is ALTCHA's (PBKDF2, as its version 2 describes). It and the ticket are signed with a key of
the server's and stand in the page alone: nothing is stored before one is used.
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

from campaign.database.table import Base, upsert
from campaign.errors import ProofError
from campaign.guard.limit import COST, LEAST_TRIES, MOST_TRIES, PROOF_SECONDS, TICKET_SECONDS

ALGORITHM = "PBKDF2/SHA-256"

LONGEST = 4_000
"""Characters of what a browser sends back; ours has about 800."""

_TICKET = re.compile(r"[0-9]{1,12}\.[0-9a-f]{64}")


class SpentProof(Base):
    """A proof that was used; forgotten once it would be too old anyway."""

    __tablename__ = "spent_proof"

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


_SPEND: dict[str, Any] = {}


class Proof(NamedTuple):
    """A puzzle that was solved, and may be spent once."""

    hash: bytes
    expires_at: datetime


def puzzle(key: bytes, *, now: datetime) -> str:
    """Return a new puzzle, as JSON for the browser."""
    until = int((now + timedelta(seconds=PROOF_SECONDS)).timestamp())
    challenge = altcha.create_challenge(
        ALGORITHM,
        COST,
        # Which try will do is drawn here: so everybody takes about as long, and nobody is out of luck.
        counter=LEAST_TRIES + secrets.randbelow(MOST_TRIES - LEAST_TRIES),
        # Our own, for altcha would compare it with the machine's clock.
        data={"until": until},
        hmac_secret=key,
        hmac_key_secret=_key_of_answers(key),
    )
    return json.dumps(challenge.to_dict())


def read(key: bytes, answer: str, *, now: datetime) -> Proof:
    """Return the proof that *answer* is.

    Raises:
        ProofError: It is no answer to a puzzle of ours, or came too late.
    """
    if len(answer) > LONGEST:
        raise ProofError("this is no answer")
    result = altcha.verify_solution(answer, key, hmac_key_secret=_key_of_answers(key))
    if not result.verified:
        raise ProofError("this does not answer the puzzle")
    challenge = json.loads(base64.b64decode(answer))["challenge"]
    until = datetime.fromtimestamp(challenge["parameters"]["data"]["until"], now.tzinfo)
    if until < now:
        raise ProofError("this came too late")
    return Proof(hashlib.sha256(challenge["signature"].encode()).digest(), until)


def spend(db: Session, proof: Proof) -> None:
    """Use *proof* up in the caller's transaction.

    Raises:
        ProofError: It was used before.
    """
    if db.connection().execute(_statement(db), proof._asdict()).first() is None:
        raise ProofError("this was used before")


def forget_spent(db: Session, *, now: datetime) -> None:
    """Forget used proofs whose time is over: they are refused for their age."""
    db.execute(delete(SpentProof).where(SpentProof.expires_at < now))


def ticket(key: bytes, mailbox: bytes, *, now: datetime) -> str:
    """Return a ticket for one mailbox and letter, good after a while and for a while.

    Args:
        key: The server's for proofs.
        mailbox: What recognises the mailbox within the letter; it does not stand in the ticket.
        now: When it is given out.
    """
    begins = int(now.timestamp())
    return f"{begins}.{_seal(key, begins, mailbox)}"


def ticket_wait(key: bytes, given: str, mailbox: bytes, *, now: datetime) -> int:
    """Return how many seconds the ticket *given* still has to wait; 0 once it is good.

    Raises:
        ProofError: It is none of ours, not for this mailbox and letter, or not of these minutes.
    """
    if not _TICKET.fullmatch(given):
        raise ProofError("this is no ticket")
    begins, _, tag = given.partition(".")
    if not hmac.compare_digest(tag, _seal(key, int(begins), mailbox)):
        raise ProofError("this is no ticket for this mailbox and letter")
    age = int(now.timestamp()) - int(begins)
    # Much younger than nothing is one that was given out before the clock was set back.
    if not -TICKET_SECONDS <= age <= PROOF_SECONDS:
        raise ProofError("this ticket is not of these minutes")
    return max(0, TICKET_SECONDS - age)


def _statement(db: Session) -> Any:
    """Return the statement that keeps a used proof, made once for each kind of database."""
    dialect = db.get_bind().dialect.name
    if dialect not in _SPEND:
        table = SpentProof.__table__
        _SPEND[dialect] = upsert(db, table).on_conflict_do_nothing().returning(table.c.hash)
    return _SPEND[dialect]


def _key_of_answers(key: bytes) -> bytes:
    return hmac.digest(key, b"answers", "sha256")


def _seal(key: bytes, begins: int, mailbox: bytes) -> str:
    return hmac.digest(key, b"ticket" + begins.to_bytes(8, "big") + mailbox, "sha256").hex()
