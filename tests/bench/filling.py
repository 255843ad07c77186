"""Fill a campaign with made-up signatures, as signing and confirming would have left them."""

import os
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, text

from campaign.appeal.reading import load
from campaign.clock import SYSTEM_CLOCK
from campaign.database.session import Database
from campaign.delivery import notice
from campaign.delivery.model import Delivery, DeliveryRow
from campaign.mail.daily_limit import MailboxDay
from campaign.mail.outbox import OutboxMail
from campaign.operations import start
from campaign.organiser.invitation import join
from campaign.organiser.passphrase import generate_passphrase
from campaign.reference.participating_state import STATES
from campaign.reference.residence import choices
from campaign.sealing import box as seal
from campaign.sealing import row_mac
from campaign.sealing.box import Details
from campaign.sealing.campaign_key import CampaignKey, current_key
from campaign.settings import Settings
from campaign.signature import count as tally
from campaign.signature.count import CountKey
from campaign.signature.key_change import setup_code
from campaign.signature.model import Signature, SignatureToken, context_of_columns
from campaign.signature.signature_mac import new_macs
from tests.bench.site import SECRET

BATCH = 10_000

DAYS = 100
"""Days that the campaign has run."""

CODES = tuple(STATES)

RESIDENCES = [code for code, _name in islice(choices("en"), 40)]

BOX = Details(name="Mara Example", email="mara@example.org", town="Oldtown")
"""The content of every box."""

MAIL_BYTES = 560
"""Of the content of a waiting mail."""

GONE = dict.fromkeys(
    ("digest", "digest_mac", "decision_mac", "key_id", "sealed", "public_name", "name_review")
)
"""Columns that a withdrawal empties."""


@dataclass(frozen=True)
class Filled:
    """The campaign's organiser and keys."""

    name: str
    passphrase: str
    campaign_key: bytes


def fill(database: Database, number: int) -> Filled:
    """Make a campaign with *number* signatures in *database*, which is empty.

    Each has a digest, a box and a link; a third stand on a delivered list, a tenth are public by name. One in
    a hundred is not confirmed yet, and for as many a mail waits. One in a thousand is withdrawn, one in a
    thousand held, and as many public names wait for an organiser; fifty more do among the first thousand, so
    that the page that shows them is full in the smallest campaign, too.
    """
    moment = SYSTEM_CLOCK()
    start.prepare(database, Settings(secret_key=SECRET), load(), now=moment)
    name, passphrase = "Olga Organiser", generate_passphrase()
    with database.writing() as db:
        code = setup_code(db, now=moment)
        assert code
        owner = join(db, code, passphrase, name=name, now=moment)
        key = current_key(db)
        filling = _Filling(moment, _delivery(moment), key, db.info[row_mac.KEY])
        db.add(filling.delivery)
    for done in range(0, number, BATCH):
        filling.add(database, done, min(BATCH, number - done))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    filling.count(database)
    settle(database)
    return Filled(name, passphrase, owner.campaign_private_key)


def settle(database: Database) -> None:
    """Do what the databases and the worker would have done since: checkpoint, analyse, clear marks."""
    if database.is_sqlite:
        database.checkpoint()
    else:
        with database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))
    with database.snapshot() as reading, database.session(writes=True) as db:
        for _marks in notice.refresh_marks(db, reading):
            db.commit()


class _Filling:
    def __init__(self, moment: datetime, delivery: Delivery, key: CampaignKey, row_key: bytes) -> None:
        self.delivery = delivery
        self._moment = moment
        self._key_id = key.id
        self._public_key = key.public_key
        self._row_key = row_key
        self._confirmed: Counter[CountKey] = Counter()
        self._withdrawn: Counter[CountKey] = Counter()

    def add(self, database: Database, done: int, size: int) -> None:
        """Add *size* signatures, and what belongs to them, to the *done* ones."""
        rows = [self._row(at) for at in range(done, done + size)]
        of = [{"state_code": row["state_code"], "signature_id": row["id"]} for row in rows]
        listed = [
            {"delivery_id": self.delivery.id, "number": number, **each}
            for number, each in enumerate(of[::3], start=done)
        ]
        today = self._moment.date()
        with database.writing() as db:
            db.execute(insert(Signature), rows)
            db.execute(insert(SignatureToken), [{"hash": os.urandom(32), "mac": b"", **each} for each in of])
            db.execute(insert(DeliveryRow), listed)
            link = {"link": os.urandom(64), "has_last": False}
            days = [{"digest": os.urandom(32), "on": today, "sent": 1, **link} for _ in rows[::10]]
            db.execute(insert(MailboxDay), days)
            db.execute(insert(OutboxMail), [self._mail() for _ in rows[::100]])

    def count(self, database: Database) -> None:
        """Add the new signatures to the counts."""
        keys = self._confirmed.keys() | self._withdrawn.keys()
        with database.writing() as db:
            tally.add_all(db, {key: (self._confirmed[key], self._withdrawn[key]) for key in keys})

    def _row(self, at: int) -> dict[str, Any]:
        day = self._moment.date() - timedelta(days=at % DAYS)
        is_pending, is_withdrawn = at % 100 == 7, at % 1000 == 9
        is_waiting, is_held = at % 1000 == 0 or (at < 1000 and at % 20 == 5), at % 1000 == 1
        is_published = at % 10 == 0 and not is_waiting
        row: dict[str, Any] = {
            "state_code": CODES[at % len(CODES)],
            "id": uuid4(),
            "edition": 1,
            "language": "en",
            "residence": RESIDENCES[at % len(RESIDENCES)],
            "disclosure": "public" if is_waiting or is_published else "delegation",
            "signed_on": self._moment.date() if is_pending else day,
            "confirmed_on": None if is_pending else day,
            "withdrawn_on": self._moment.date() if is_withdrawn else None,
            "digest": os.urandom(32),
            "key_id": self._key_id,
            "organisers_only": False,
            "has_words": False,
            "public_name": f"Mara Example {at}" if is_published else None,
            "name_review": "approved" if is_published else None,
            "held_for": "domain" if is_held else None,
            "to_strike": is_withdrawn,
        }
        if not (is_pending or is_held):
            self._confirmed[row["state_code"], row["residence"], day] += 1
        if is_withdrawn:
            self._withdrawn[row["state_code"], row["residence"], self._moment.date()] += 1
        row["sealed"] = seal.seal(BOX, self._public_key, context_of_columns(row))
        return row | (GONE if is_withdrawn else new_macs(self._row_key, row))

    def _mail(self) -> dict[str, Any]:
        mail = {"id": uuid4(), "sealed": os.urandom(MAIL_BYTES)}
        mail |= {"due_at": self._moment, "created_at": self._moment, "attempts": 0}
        return mail | {"status": "waiting", "failure_code": 0}


def _delivery(moment: datetime) -> Delivery:
    return Delivery(
        id=uuid4(),
        code="7K3MQ0V9ZB2TN8XH4C6D",
        state_code="de",
        status="accepted",
        edition=1,
        language="en",
        recipient="de@missions.example.org",
        total=1,
        named=1,
        letter_hash=b"\1" * 32,
        list_hash=b"\2" * 32,
        organiser="Olga Organiser",
        message_id="<1@letters.example>",
        prepared_at=moment,
        sending_at=moment,
    )
