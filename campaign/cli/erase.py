"""``campaign erase``: erase rows that are due, or in an emergency everything personal."""

import os
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import click
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from campaign.cli.common import Campaign, pass_campaign
from campaign.clock import SYSTEM_CLOCK
from campaign.database import journal, sqlite_file
from campaign.database.fact import check_secret_key
from campaign.database.session import Database
from campaign.errors import CampaignError
from campaign.operations.clock_watch import ClockWatch
from campaign.operations.doctor.closing import closing_findings
from campaign.operations.emergency.database_residue import clear_logs
from campaign.operations.emergency.destroy_keys import (
    WRAPPED,
    delete_key_files,
    destroy,
    destroy_copies,
    is_anything_left,
    overwrite_key_files,
)
from campaign.operations.emergency.reserve import release_reserve
from campaign.operations.emergency.scrub_rows import count_steps, finish, is_unfinished, scrub
from campaign.organiser import audit_chain
from campaign.sealing import campaign_key
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature import count
from campaign.worker.job import erase_in_batches

KEYWORD = "ERASE"
"""The word to type: quick in a hurry, but not by accident."""

RESIDUE_ATTEMPTS = 3


@click.command()
@click.option(
    "--everything-personal",
    is_flag=True,
    help="Emergency: every key and all personal data.",
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@pass_campaign
def erase(campaign: Campaign, everything_personal: bool, yes: bool) -> None:
    """Erase what is due: unconfirmed signatures, and after the close what was announced for a week.

    With --everything-personal every key is destroyed within seconds, so that no name can be
    opened and no address tested; then the rows are scrubbed, while the site goes on to show
    its counts. This needs no passphrase, and cannot be undone.
    """
    # The rest of the site is not started: a broken letter or a missing key must not prevent this.
    with closing(Database.of_site(campaign.settings)) as database:
        if everything_personal:
            _erase_everything(campaign.settings, database, is_sure=yes)
            return
        database.migrate(creates=False)
        if _is_unfinished(database):
            _scrub(database)
        else:
            _erase_due(campaign.settings, database)


def _erase_due(settings: Settings, database: Database) -> None:
    with database.reading() as reading:
        if campaign_key.destroyed_at(reading) is None:
            check_secret_key(reading, settings.secret_key)
    audit_chain.use_key(database, ServerKeys.from_secret(settings.secret_key).audit)
    total = 0
    with database.session(writes=True) as db:
        for rows in erase_in_batches(db, settings, ClockWatch(), now=SYSTEM_CLOCK()):
            db.commit()
            total += rows
            if rows:
                click.echo(f"{total} rows erased …", err=True)
        db.commit()
    database.checkpoint()
    click.echo(f"{total} rows were due and are erased.")
    for finding in closing_findings(settings, database, SYSTEM_CLOCK()):
        click.echo(f"- {finding.text}")


def _erase_everything(settings: Settings, database: Database, *, is_sure: bool) -> None:
    _find_target(database)
    if not is_sure and click.prompt(f"Type {KEYWORD} to erase everything personal for good") != KEYWORD:
        raise CampaignError("nothing was erased")
    began = time.monotonic()
    _destroy(settings, database)
    seconds = time.monotonic() - began
    click.echo(f"After {seconds:.1f} seconds no name can be opened and no address tested any more.")
    destroy_copies(database)
    _remove_residue(database)
    _print_remaining_steps(settings, database)
    _scrub(database)


def _find_target(database: Database) -> None:
    """Print which database is erased; one of SQLite on a full disk may be read only once there is room."""
    try:
        _print_target(database)
    except OperationalError:
        if not database.is_sqlite:
            raise
        release_reserve(database)
        try:
            _print_target(database)
        except OperationalError as error:
            click.echo(f"! {_where(database)} does not answer ({_reason(error)}); this goes on.", err=True)


def _print_target(database: Database) -> None:
    database.migrate(creates=False)
    with database.reading() as db:
        if not is_anything_left(db) and campaign_key.destroyed_at(db) is None:
            raise CampaignError(
                f"{_where(database)} holds no campaign:"
                " set CAMPAIGN_INSTANCE and CAMPAIGN_DATABASE_URL as for the site"
            )
        click.echo(f"{_where(database)} holds {count.total(db):,} counted signatures.")


def _destroy(settings: Settings, database: Database) -> None:
    """Destroy the keys in files, which takes an instant and no room, and those in the database."""
    release_reserve(database)
    overwrite_key_files(settings)
    try:
        destroy(database, now=SYSTEM_CLOCK())
    except OperationalError:
        destroy_copies(database)  # makes room
        try:
            destroy(database, now=SYSTEM_CLOCK(), emptied=WRAPPED)
        except OperationalError as error:
            raise CampaignError(_what_is_left(database, _reason(error))) from error
    delete_key_files(settings)


def _what_is_left(database: Database, reason: str) -> str:
    said = (
        "the files of the secret key are destroyed, but not the keys and names in"
        f" {_where(database)}: it does not answer ({reason}); "
    )
    if not database.is_sqlite:
        return said + "destroy it on its server, or make it answer and run this command again"
    path = database.url.database
    return said + (
        f"stop the site and delete {path} and {path}-wal by hand, or delete other files, such as"
        " a few megabytes of logs, and run this command again"
    )


def _where(database: Database) -> str:
    return database.url.render_as_string(hide_password=True)


def _reason(error: OperationalError) -> str:
    return str(error.orig).strip().splitlines()[0]  # quotes no row


def _remove_residue(database: Database) -> None:
    for _ in range(RESIDUE_ATTEMPTS):
        if clear_logs(database):
            return
    click.echo(
        "! Another process uses the database, so its log or statistics still hold deleted rows."
        " Stop the site, and run this command again.",
        err=True,
    )


def _print_remaining_steps(settings: Settings, database: Database) -> None:
    click.echo("Now do what this command cannot do:")
    click.echo("- Restart the site, or switch the machine off: processes have keys in memory until they end.")
    click.echo("- Destroy every backup: a passphrase still opens an earlier one.")
    for each in _other_databases(settings, database):
        click.echo(f"- Destroy {each} if it is a copy of the database.")
    for place in _earlier_places(database):
        click.echo(
            f"- The campaign was in the database {place} before: if it is there, it still has everything."
        )
    file = settings.secret_key_file
    if file is None or (file.exists() and not os.access(file, os.W_OK)):
        click.echo("- Set another secret key on every machine: this one belongs to those backups.")
    if not database.is_sqlite:
        click.echo("- Destroy PostgreSQL's archived write-ahead logs and replicas: they are backups too.")
    if settings.smtp_url:
        click.echo("- Check the logs of the mail relay: they may hold addresses.")


def _earlier_places(database: Database) -> list[str]:
    with suppress(SQLAlchemyError), database.reading() as db:
        return journal.earlier_places(db, journal.location_of(database.url))
    return []


def _other_databases(settings: Settings, database: Database) -> list[Path]:
    """Return what looks like a copy or a part of one, in the instance folder and the database's."""
    ours, folders = {settings.instance.absolute() / "queue.sqlite"}, {settings.instance.absolute()}
    if database.is_sqlite:
        path = Path(str(database.url.database)).absolute()
        ours.add(path)
        folders.add(path.parent)
    files = {each for folder in folders for each in folder.iterdir() if each.is_file()}
    return sorted(each for each in files - ours if each.suffix == ".part" or sqlite_file.is_sqlite(each))


def _because(error: BaseException) -> str:
    return f" ({_reason(error)})" if isinstance(error, OperationalError) else ""


def _is_unfinished(database: Database) -> bool:
    with database.reading() as db:
        return is_unfinished(db)


def _scrub(database: Database) -> None:
    """Scrub the rows; after an interruption the worker or this command continues."""
    try:
        with database.session(writes=True) as db:
            length = count_steps(db)
            db.rollback()
            with click.progressbar(length=length, label="Scrubbing rows", file=sys.stderr) as bar:
                for _rows in scrub(db):
                    db.commit()
                    bar.update(1)
            db.commit()
    except (KeyboardInterrupt, OperationalError) as error:
        raise CampaignError(
            f"interrupted{_because(error)}: nothing can be opened any more, but rows still hold sealed boxes;"
            " `campaign erase`, or the worker within an hour, continues"
        ) from None
    click.echo("Rewriting the database's files …", err=True)
    if not finish(database, now=SYSTEM_CLOCK()):
        raise CampaignError(
            "every row is scrubbed, but the database's files could not be rewritten, which needs as much"
            " free disk space as they use; `campaign erase`, or the worker within an hour, tries again"
        )
    click.echo("Everything personal is erased; counts, letters and records of deliveries remain.")
