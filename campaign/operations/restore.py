"""Restore a backup: beside the present database first, then in its place, with the journal replayed."""

import shutil
import subprocess
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import MetaData, inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database import journal, migration, restoration, sqlite_file
from campaign.database.fact import check_secret_key
from campaign.database.journal_file import Journal
from campaign.database.restoration import Restoration
from campaign.database.session import Database, take_setup_lock
from campaign.errors import CampaignError, SettingsError
from campaign.operations import copy, replay
from campaign.operations.backup import environment, tool
from campaign.operations.catch_up import lost_parts
from campaign.operations.instance_lock import instance_lock
from campaign.operations.put_back import checked
from campaign.operations.unreplayed import Unreplayed, pass_notes, unreplayed
from campaign.organiser import audit_chain, audit_log
from campaign.sealing import campaign_key, row_mac
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.recount import Difference, compare


@dataclass(frozen=True, kw_only=True)
class Restored:
    """A restored database."""

    restoration: Restoration
    differences: list[Difference] = field(default_factory=list)
    """Between counts and rows."""
    aside: Path | None = None
    """Where the database is that was replaced; SQLite only."""
    earlier: Sequence[str] = ()
    """Where else the campaign was."""


@dataclass(frozen=True)
class _Journals:
    files: Sequence[Path]
    with_foreign: bool | None
    erases: bool | None


def restore(
    settings: Settings,
    appeal: Appeal,
    file: Path,
    *,
    journals: Sequence[Path] = (),
    with_foreign: bool | None = None,
    erases: bool | None = None,
    replaces: bool = False,
    now: datetime,
) -> Restored:
    """Restore the backup *file* as the site's database, and replay the journals.

    Args:
        settings: The site's; PostgreSQL's database must be empty.
        appeal: The campaign's content.
        file: As :func:`campaign.operations.backup.back_up` wrote it.
        journals: Of the site's other machines.
        with_foreign: Whether to replay acts of databases that the backup does not know: the site may have
            moved there after the backup, or somebody practised there.
        erases: Whether to repeat an erasure of everything personal.
        replaces: Put a present SQLite database aside.
        now: The present time.

    Raises:
        CampaignError: The site runs, a database is there, *file* is no whole backup of this site, or the
            journals have acts of other databases, or an erasure, and *with_foreign* or *erases* does not say
            what becomes of them.
    """
    if not file.is_file():
        raise CampaignError(f"there is no file {file}")
    with instance_lock(settings.instance, wait_seconds=0), closing(Database.of_site(settings)) as database:
        others = _Journals(journals, with_foreign, erases)
        if database.is_sqlite:
            return _restore_sqlite(database, settings, appeal, file, others, replaces=replaces, now=now)
        _check_empty(database)
        try:
            _restore_postgresql(database, file)
            return _finish(database, settings, appeal, others, now)
        except BaseException:
            with suppress(SQLAlchemyError):  # then the next attempt empties it
                _empty(database)
            raise


def _restore_sqlite(
    site: Database,
    settings: Settings,
    appeal: Appeal,
    file: Path,
    journals: _Journals,
    *,
    replaces: bool,
    now: datetime,
) -> Restored:
    path = Path(str(site.url.database)).absolute()
    if path.exists():
        if not replaces:
            raise CampaignError(f"{path} is there: with --replace it is put aside")
        sqlite_file.make_single(path)
    new = path.with_name(path.name + ".restoring")
    try:
        _copy(file, new)
        with closing(Database(f"sqlite:///{new}", journal=site.journal)) as database:
            restored = _finish(database, settings, appeal, journals, now)
        sqlite_file.make_single(new)
        aside = _unused_name(path, now) if path.exists() else None
        sqlite_file.put_in_place(new, path, aside)
    finally:
        sqlite_file.remove(new)
    return replace(restored, aside=aside)


def _copy(file: Path, new: Path) -> None:
    sqlite_file.remove(new)
    new.touch(mode=0o600)
    shutil.copyfile(file, new)
    if sqlite_file.damage_of(new) or not sqlite_file.is_complete(new):
        raise CampaignError(f"{file} is no whole backup of an SQLite database")


def _unused_name(path: Path, now: datetime) -> Path:
    number, wanted = 1, path.with_name(f"{path.name}.replaced-{now.date()}")
    while (found := wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")).exists():
        number += 1
    return found


def _check_empty(site: Database) -> None:
    tables = inspect(site.engine).get_table_names()
    if restoration.UNFINISHED in tables:
        _empty(site)
    elif tables:
        raise CampaignError(
            "CAMPAIGN_DATABASE_URL: this database is not empty: create a new one and name it here"
        )


def _empty(site: Database) -> None:
    """Drop the tables of a restoration that was not finished."""
    tables = MetaData()
    with site.writing() as db:
        tables.reflect(db.connection())
        tables.drop_all(db.connection())


def _restore_postgresql(site: Database, file: Path) -> None:
    with site.writing() as db:
        restoration.begin(db)
    done = subprocess.run(  # noqa: S603 -- constant arguments and the operator's file
        [
            tool("pg_restore"),
            "--no-owner",
            "--single-transaction",
            f"--dbname={site.url.database}",
            str(file.absolute()),
        ],
        env=environment(site.url),
        check=False,
    )
    if done.returncode:
        raise CampaignError("pg_restore failed; the database is still empty")


def _finish(
    database: Database, settings: Settings, appeal: Appeal, journals: _Journals, now: datetime
) -> Restored:
    with database.engine.connect() as connection:
        if migration.current(connection) is None:
            raise CampaignError("the backup holds no campaign")
    database.migrate()
    with database.writing() as db:
        take_setup_lock(db)
        copy.check_finished(db)
        with suppress(SettingsError):  # raised below, unless an emergency destroyed all keys
            check_secret_key(db, settings.secret_key)
            keys = ServerKeys.load(db, settings.secret_key)
            if keys is not None:
                row_mac.use_key(db, keys.row)
                audit_chain.use_key(db, keys.audit)
        found = _unreplayed(db, database, journals)
        replayed = replay.replay_lines(db, appeal, found, erases=bool(journals.erases), now=now)
        if campaign_key.destroyed_at(db) is None:  # afterwards any key is accepted
            check_secret_key(db, settings.secret_key)
        result = replayed.result(found)
        _begin_journal(db, database, found)
        audit_log.record(db, audit_log.COMMAND_LINE, "restore backup", now=now)
        replay.mark_restored(db, result)
        restoration.finish(db)
    with database.snapshot() as reading:
        earlier = journal.earlier_places(reading, database.journal.location) if database.journal else []
        return Restored(restoration=result, differences=compare(reading), earlier=earlier)


def _unreplayed(db: Session, database: Database, journals: _Journals) -> Unreplayed:
    present = database.journal
    assert present is not None
    files = [present, *(Journal(path, present.location) for path in journals.files)]
    found = checked(db, unreplayed(db, files, with_foreign=bool(journals.with_foreign)))
    _ask(found, present.location, journals)
    return found


def _ask(found: Unreplayed, location: str, answers: _Journals) -> None:
    """Raise an error if only a person knows what becomes of some acts."""
    if found.foreign and answers.with_foreign is None:
        databases = ", ".join(f"{each} ({number})" for each, number in found.foreign.items())
        raise CampaignError(
            f"the journal has acts of databases that the backup does not know: {databases}; if the site was"
            " moved there, add --others replay, and if it was a rehearsal, --others ignore"
        )
    if found.foreign[location]:
        raise CampaignError(
            f"the rehearsal's database was {location} too, and would be taken for the site's: restore to a"
            " database with another name"
        )
    erased = [act for line in found.lines for act in line.acts if act["act"] in journal.ERASURES]
    if erased and answers.erases is None:
        raise CampaignError(
            f"the journal says that everything personal was erased on {erased[-1]['on']}: --erasures replay"
            " erases it here too, so that no name can ever be opened again; --erasures ignore keeps the"
            f" names, for instance if a rehearsal wrote this ({erased[-1]['act']})"
        )


def _begin_journal(db: Session, database: Database, found: Unreplayed) -> None:
    """Let the journal go on under another id: its earlier numbers may be those of lines that are lost."""
    present = database.journal
    assert present is not None
    pass_notes(db, found, present.location)
    present.begin(present.part(), lost_parts(db, present, found))
