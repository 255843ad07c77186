"""Change ``SECRET_KEY``: everything in the database that belongs to the old key, in one transaction.

The database says by a fingerprint which key it belongs to. Both files stay until the transaction is on disk,
so that an interruption at any point leaves a key that fits.
"""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import bindparam, delete, select, text, update
from sqlalchemy.orm import Session

from campaign import secret_key
from campaign.database.fact import belongs_to, save_secret_key
from campaign.database.journal_file import sync_folder
from campaign.database.session import Database
from campaign.errors import SettingsError, WrongKeyError
from campaign.mail import sealed_content
from campaign.mail.outbox import OutboxMail
from campaign.mail.sealed_content import NewMail
from campaign.operations.renew_macs import renew_macs
from campaign.organiser import audit_chain, audit_log
from campaign.organiser.audit_log import COMMAND_LINE
from campaign.organiser.session import OrganiserSession
from campaign.sealing import campaign_key
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings

UNFINISHED_SUFFIX = ".new"
"""Of the file with the new key, beside the one that it replaces."""


def new_file(settings: Settings) -> Path:
    """Return the file of the new key beside ``secret_key`` in the instance folder, made if needed.

    Raises:
        SettingsError: The key comes from elsewhere, so the operator has to make the new one.
    """
    made = settings.instance / secret_key.NAME
    if settings.secret_key_file != made:
        raise SettingsError("--to: the present key is not in the instance folder, so name the new one's file")
    unfinished = made.with_name(made.name + UNFINISHED_SUFFIX)
    if not unfinished.exists():  # otherwise the database may have it already
        secret_key.make(unfinished)
    return unfinished


def change(database: Database, old: str, new: str, *, now: datetime) -> bool:
    """Give the database another key; return false when it has that one already.

    Raises:
        SettingsError: It belongs to neither key, or has no key any more.
    """
    with database.writing() as db:
        if campaign_key.destroyed_at(db) is not None:
            raise SettingsError("everything personal was erased: the site runs with any key")
        if belongs_to(db, new):
            return False
        if not belongs_to(db, old):
            raise SettingsError("CAMPAIGN_SECRET_KEY: this database was made with another key")
        _change(db, old, new, now)
    return True


def replace_file(settings: Settings, unfinished: Path) -> None:
    """Put the new key's file in the place of the old one's, once the database has the new key."""
    made = settings.instance / secret_key.NAME
    unfinished.replace(made)
    sync_folder(made.parent)


def is_in_use(database: Database) -> bool:
    """Whether another process uses the database; with the old key it would write what nobody could read."""
    if not database.is_sqlite:
        with database.reading() as db:
            others = text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND usename = current_user AND pid <> pg_backend_pid()"
            )
            return bool(db.scalar(others))
    return not database.is_alone()


def _change(db: Session, old: str, new: str, now: datetime) -> None:
    before = ServerKeys.load(db, old)
    assert before is not None, "made at the first start, and destroyed only together with all keys"
    after = ServerKeys.rewrap(db, old, new)
    _rewrap_mails(db, before, after)
    # They are decrypted with cookie and key together; everybody logs in again.
    db.execute(delete(OrganiserSession))
    renew_macs(db, before.row, after.row)
    audit_chain.rechain(db, before.audit, after.audit)
    audit_chain.use_key(db, after.audit)
    audit_log.record(db, COMMAND_LINE, "change secret key", now=now)
    save_secret_key(db, new)


def _rewrap_mails(db: Session, before: ServerKeys, after: ServerKeys) -> None:
    rewrapped = []
    waiting = select(OutboxMail.id, OutboxMail.sealed).where(OutboxMail.sealed.is_not(None))
    for mail_id, sealed in db.execute(waiting.with_for_update()):
        with suppress(WrongKeyError):  # altered: the worker gives it up
            content = sealed_content.unwrap(before, sealed or b"", mail_id)
            wrapped = sealed_content.wrap(after, NewMail(**vars(content)), mail_id)
            rewrapped.append({"mail_id": mail_id, "content": wrapped})
    if rewrapped:
        table = OutboxMail.__table__
        rewrap = update(table).where(table.c.id == bindparam("mail_id"))  # type: ignore[arg-type]
        db.connection().execute(rewrap.values(sealed=bindparam("content")), rewrapped)
