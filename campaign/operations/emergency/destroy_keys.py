"""The first step of an emergency: one short transaction, and nothing opens or recognises anything more."""

import os
import secrets
import shutil
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from campaign.database.fact import Fact, save_fact
from campaign.database.session import Database
from campaign.database.table import Base
from campaign.guard.proof_of_work import SpentProof
from campaign.mail.daily_limit import MailboxDay
from campaign.mail.outbox import OutboxMail
from campaign.operations.emergency import database_residue
from campaign.organiser import audit_log
from campaign.organiser.account import Organiser
from campaign.organiser.audit_log import COMMAND_LINE
from campaign.organiser.login_attempt import LoginFailures
from campaign.organiser.session import OrganiserSession
from campaign.sealing import campaign_key
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping
from campaign.settings import Settings

EMPTIED: tuple[type[Base], ...] = (
    OrganiserSession,
    Organiser,
    KeyWrapping,
    LoginFailures,
    OutboxMail,
    MailboxDay,
    SpentProof,
)
"""Every wrapping of every key, and what waits or is counted under the server's own keys."""

KEPT = ("organisation", "safety", "base_url", "recount", "demo", campaign_key.DESTROYED_AT)
"""The facts in ``site`` that stay. All others go, above all the salt of the digests."""

ATTEMPTS = 3


def destroy(database: Database, *, now: datetime) -> None:
    """Destroy every way to what is sealed, and to whose a digest is; a second time nothing is left to do.

    Whatever reads a key at this moment is waited for, a few seconds and no longer: then its
    connection is ended. What begins later finds no key, so that nothing can be sealed again.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with database.writing() as db:
                database_residue.hold_alone(db, (CampaignKey, Fact, *EMPTIED))
                _destroy(db, now)
        except OperationalError:
            if attempt == ATTEMPTS:
                raise
            database_residue.end_others(database)
        else:
            return


def destroy_files(settings: Settings) -> None:
    """Destroy the secret key that was made in the instance folder, and mails that became files there."""
    key = settings.instance / "secret_key"
    if key.is_file():
        # The same blocks on most disks; flash memory and file systems that copy on write keep their own mind.
        with key.open("r+b") as file:
            file.write(secrets.token_bytes(key.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        key.unlink()
    shutil.rmtree(settings.instance / "mail", ignore_errors=True)


def _destroy(db: Session, now: datetime) -> None:
    if campaign_key.destroyed_at(db) is not None:
        return
    # The rows of the pairs stay, empty, since signatures point at them: letting go of those takes longer.
    db.execute(update(CampaignKey).values(public_key=b"", is_current=False))
    save_fact(db, campaign_key.DESTROYED_AT, now.isoformat())
    audit_log.record(db, COMMAND_LINE, "erase everything personal", now=now)
    db.flush()
    kept = [
        {"name": row.name, "content": row.content}
        for row in db.execute(select(Fact.name, Fact.content).where(Fact.name.in_(KEPT)))
    ]
    db.expunge_all()
    database_residue.empty(db, (*EMPTIED, Fact))
    database_residue.forget_statistics(db, (*EMPTIED, Fact))
    db.execute(insert(Fact), kept)
