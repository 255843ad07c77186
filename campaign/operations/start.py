"""Prepare the database at a start: tables, keys, safety lists and the letter's edition."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database import restoration, sqlite_file
from campaign.database.fact import check_secret_key
from campaign.database.session import Database, take_setup_lock
from campaign.delivery import journaled
from campaign.delivery.model import mark_interrupted
from campaign.disclosure import safety_list
from campaign.letter.edition import current_edition
from campaign.operations import copy
from campaign.operations.catch_up import catch_up
from campaign.organiser import audit_chain
from campaign.sealing import campaign_key, row_mac
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature import published_count


@dataclass(frozen=True)
class Started:
    """The server's keys, and the letter's edition if it was asked for."""

    keys: ServerKeys
    edition: int | None


def prepare(
    database: Database,
    settings: Settings,
    appeal: Appeal,
    *,
    now: datetime,
    only_reads: bool = False,
    creates: bool = True,
    composes: bool = True,
) -> Started:
    """Bring the database up to date; any number of processes may do so at the same time.

    Args:
        database: The site's.
        settings: The site's.
        appeal: The campaign's content.
        now: The present time.
        only_reads: For a command that only reads: no act is replayed or recorded.
        creates: Let a campaign begin if there is none.
        composes: Find the letter's edition, and store a new one; all letters are composed for it.

    Raises:
        SettingsError: The database belongs to another secret key, SQLite's file is damaged, or there is no
            campaign.
        AppealError: A letter cannot be composed.
        JournalError: The journal is damaged, or tells of an erasure that the database does not know.
    """
    if database.is_sqlite and database.url.database and not only_reads:
        path = Path(database.url.database).absolute()
        sqlite_file.check_log(path)
        if path.exists():
            sqlite_file.unlink_aside(path)
    database.migrate(creates=creates)
    with database.writing() as db:
        take_setup_lock(db)
        copy.check_finished(db)
        restoration.check_finished(db)
        keys = _keys(db, settings)
        row_mac.use_key(database, keys.row)
        row_mac.use_key(db, keys.row)
        audit_chain.use_key(db, keys.audit)
        audit_chain.begin(db, keys.audit)
        if database.journal is not None and not only_reads:
            catch_up(db, appeal, database.journal, now=now)
        safety_list.store_at_start(db, appeal, now=now)
        edition = _edition(db, appeal, now) if composes else None
        if not only_reads:
            mark_interrupted(db, now=now)
        published_count.publish_at_start(db, settings, now=now)
        if campaign_key.destroyed_at(db) is None:
            journaled.make_key(db)
    audit_chain.use_key(database, keys.audit)
    return Started(keys, edition)


def _edition(db: Session, appeal: Appeal, now: datetime) -> int:
    return current_edition(db, safety_list.current_appeal(db, appeal), now=now)


def _keys(db: Session, settings: Settings) -> ServerKeys:
    """Return the server's keys; that of the digests is made at the first start.

    Raises:
        SettingsError: The database belongs to another secret key.
    """
    if campaign_key.destroyed_at(db) is not None:
        # Any secret key is accepted, since nothing is left that belongs to one; no digest key is stored.
        return ServerKeys.from_secret(settings.secret_key, secrets.token_bytes(32))
    check_secret_key(db, settings.secret_key)
    return ServerKeys.load(db, settings.secret_key) or ServerKeys.make(db, settings.secret_key)
