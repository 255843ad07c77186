"""First step of an emergency: destroy all keys in one short transaction, so that no box opens."""

import logging
import os
import secrets
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import insert, or_, select, update
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from campaign import secret_key
from campaign.database import journal, sqlite_file
from campaign.database.fact import Fact, save_fact
from campaign.database.journal import JournalPosition
from campaign.database.journal_file import Journal
from campaign.database.session import Database
from campaign.database.table import Base
from campaign.errors import JournalError
from campaign.guard.proof_of_work import SpentProof
from campaign.mail.daily_limit import MailboxDay
from campaign.mail.outbox import OutboxMail
from campaign.operations.emergency import database_residue
from campaign.operations.emergency.database_residue import Tables
from campaign.organiser import audit_log
from campaign.organiser.account import Organiser
from campaign.organiser.audit_log import COMMAND_LINE
from campaign.organiser.native_check import NativeCheck
from campaign.organiser.session import OrganiserSession
from campaign.organiser.wrong_code import WrongCodes
from campaign.sealing import campaign_key
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping
from campaign.settings import Settings
from campaign.signature import published_count
from campaign.signature.domain_day import DomainDay

WRAPPED: tuple[type[Base], ...] = (OrganiserSession, WrongCodes, Organiser, KeyWrapping)
"""Tables with wrapped keys; they are small."""

EMPTIED: tuple[type[Base], ...] = (*WRAPPED, OutboxMail, MailboxDay, DomainDay, SpentProof, NativeCheck)
"""Also those with content under the server's own keys, and with names of native readers."""

RETAINED_FACTS = (
    "organisation",
    "safety",
    "base_url",
    "recount",
    "demo",
    published_count.FACT,
    campaign_key.DESTROYED_AT,
)
"""Facts that stay; all others are deleted, above all the salt of the digests."""

ATTEMPTS = 3

CHUNK_BYTES = 2**20

logger = logging.getLogger(__name__)


def destroy(database: Database, *, now: datetime, emptied: Tables = EMPTIED) -> None:
    """Destroy everything that opens boxes or identifies digests; a second call finds nothing left.

    Transactions that read a key get a few seconds to finish; then their connections are
    terminated. Later ones find no key, so that nothing can be sealed again.

    Args:
        database: The site's.
        now: The present time.
        emptied: Where the disk has little room, :data:`WRAPPED` alone: the scrub empties the others.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with database.writing() as db:
                database_residue.lock_exclusively(db, (CampaignKey, Fact, *EMPTIED))
                destroy_in(db, now, emptied=emptied)
        except OperationalError:
            if attempt == ATTEMPTS:
                raise
            database_residue.terminate_other_transactions(database)
        else:
            break
    try:
        with database.writing() as db:
            database_residue.lock_exclusively(db, (JournalPosition,))
            note_in_journal(db, database.journal, now)
    except (JournalError, SQLAlchemyError) as error:
        logger.warning("the next start notes the emergency in the journal: %s", type(error).__name__)


def note_in_journal(db: Session, present: Journal | None, now: datetime) -> None:
    """Record the emergency in the journal, unless it is there.

    In a transaction after that which destroys the keys: the line of one that failed would destroy them at a
    later restoration. And an emergency waits for no full disk, and for no repair of the file.
    """
    if present is None or campaign_key.destroyed_at(db) is None:
        return
    here = (line for line in present.lines() if line.part.location == present.location)
    if not any(act["act"] == journal.DESTROY for line in here for act in line.acts):
        journal.record(db, journal.DESTROY, on=now.date())


def overwrite_key_files(settings: Settings) -> None:
    """Destroy the secret key in its files, and the mails that are files in the instance folder.

    The files stay, with another key: without one, a full disk would prevent that the command is repeated.
    """
    given = settings.secret_key_file
    for file in {*_own_key_files(settings), *([given] if given is not None else [])}:
        with suppress(OSError):  # it must not prevent the rest
            _overwrite(file)
    shutil.rmtree(settings.instance / "mail", ignore_errors=True)


def delete_key_files(settings: Settings) -> None:
    """Delete the secret key's files in the instance folder; one elsewhere stays, since the site needs it."""
    for file in _own_key_files(settings):
        file.unlink()


def _own_key_files(settings: Settings) -> list[Path]:
    return list(settings.instance.glob(f"{secret_key.NAME}*"))  # also that of an unfinished change


def destroy_copies(database: Database) -> None:
    """Destroy the copies of SQLite's database that restorations and interrupted backups left beside it."""
    if not database.is_sqlite:
        return
    path = Path(str(database.url.database)).absolute()
    made = [*path.parent.glob(f"{path.name}.replaced-*"), *path.parent.glob(f"{path.name}.restoring*")]
    for copy in {*made, *(each for each in path.parent.glob("*.part") if sqlite_file.is_sqlite(each))}:
        with suppress(OSError):  # the command names what is left
            if not (path.exists() and copy.samefile(path)):  # the live file under another name
                _fill(copy)
            copy.unlink()


def _fill(file: Path) -> None:
    with file.open("r+b") as content:
        left = file.stat().st_size
        while left > 0:
            left -= content.write(bytes(min(left, CHUNK_BYTES)))
        content.flush()
        os.fsync(content.fileno())


def _overwrite(key: Path) -> None:
    # Overwrites the same blocks on most disks, but not on flash memory or copy-on-write file systems.
    with key.open("r+b") as file:
        length = max(key.stat().st_size, secret_key.MIN_CHARACTERS)
        file.write(secrets.token_hex(length)[:length].encode())
        file.flush()
        os.fsync(file.fileno())


def is_anything_left(db: Session) -> bool:
    """Whether something is there that :func:`destroy` destroys, whatever the database says."""
    tables = [select(table.__table__).exists() for table in EMPTIED]
    return campaign_key.is_any_left(db) or bool(db.scalar(select(or_(*tables))))


def destroy_in(db: Session, now: datetime, *, emptied: Tables = EMPTIED) -> None:
    """Destroy the keys in a transaction that the caller commits, and that nobody else hinders."""
    if campaign_key.destroyed_at(db) is None:
        save_fact(db, campaign_key.DESTROYED_AT, now.isoformat())
        audit_log.record(db, COMMAND_LINE, "erase everything personal", now=now)
    elif not is_anything_left(db):
        return
    # The rows stay, without keys: signatures refer to them, and to change those takes longer.
    db.execute(update(CampaignKey).values(public_key=b"", is_current=False))
    db.flush()
    retained = [
        {"name": row.name, "content": row.content}
        for row in db.execute(select(Fact.name, Fact.content).where(Fact.name.in_(RETAINED_FACTS)))
    ]
    db.expunge_all()
    database_residue.delete_all(db, (*emptied, Fact))
    database_residue.drop_statistics(db, (*emptied, Fact))
    db.execute(insert(Fact), retained)
