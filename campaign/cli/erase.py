"""``campaign erase``: what is due, and in an emergency everything personal at once."""

import os
import sys
import time
from contextlib import closing

import click

from campaign.cli.common import Campaign, pass_campaign
from campaign.clock import SYSTEM_CLOCK
from campaign.database.fact import read_fact
from campaign.database.session import Database
from campaign.errors import CampaignError
from campaign.operations.emergency.database_residue import cut_off
from campaign.operations.emergency.destroy_keys import destroy, destroy_files
from campaign.operations.emergency.scrub_rows import finish, is_unfinished, scrub, steps
from campaign.sealing import campaign_key
from campaign.settings import Settings
from campaign.signature import count
from campaign.worker import schedule

WORD = "ERASE"
"""What is to be typed: it can be done in a hurry, but not by a slip."""

CUT_OFF_ATTEMPTS = 3


@click.command()
@click.option("--everything-personal", is_flag=True, help="In an emergency: everything, now, for good.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_campaign
def erase(campaign: Campaign, everything_personal: bool, yes: bool) -> None:
    """Erase what is due: unconfirmed signatures, and personal data after the close.

    With --everything-personal, every key is destroyed in seconds, so that nothing that is
    left can be opened or tested; then the rows are scrubbed, while the site shows its
    counts. No passphrase is asked for, and nothing brings the names back.
    """
    # Without bringing anything else up: a broken letter or a missing key must not stand in the way.
    with closing(Database(campaign.settings.database_url)) as database:
        database.migrate()
        if everything_personal:
            _erase_everything(campaign.settings, database, is_sure=yes)
        elif _is_unfinished(database):
            _scrub(database)
        else:
            _erase_due(campaign.settings, database)


def _erase_due(settings: Settings, database: Database) -> None:
    total = 0
    with database.session(writes=True) as db:
        for rows in schedule.due(db, settings, now=SYSTEM_CLOCK()):
            db.commit()
            total += rows
            if rows:
                click.echo(f"{total} rows erased …", err=True)
        db.commit()
    database.checkpoint()
    click.echo(f"{total} rows were due and are erased.")


def _erase_everything(settings: Settings, database: Database, *, is_sure: bool) -> None:
    _say_what_there_is(database)
    if not is_sure and click.prompt(f"Type {WORD} to erase everything personal for good") != WORD:
        raise CampaignError("nothing was erased")
    began = time.monotonic()
    destroy(database, now=SYSTEM_CLOCK())
    destroy_files(settings)
    seconds = time.monotonic() - began
    click.echo(f"After {seconds:.1f} seconds no name can be opened and no address tested any more.")
    _cut_off(database)
    _say_what_is_left_to_do(settings, database)
    _scrub(database)


def _say_what_there_is(database: Database) -> None:
    where = database.url.render_as_string(hide_password=True)
    with database.reading() as db:
        if read_fact(db, "digest_salt") is None and campaign_key.destroyed_at(db) is None:
            raise CampaignError(
                f"{where} holds no campaign: give CAMPAIGN_INSTANCE and CAMPAIGN_DATABASE_URL as to the site"
            )
        click.echo(f"{where} holds {count.total(db):,} signatures that count.")


def _cut_off(database: Database) -> None:
    for _ in range(CUT_OFF_ATTEMPTS):
        if cut_off(database):
            return
    click.echo(
        "! Something holds on to the database, so that its own log or statistics still hold what was deleted."
        " Stop the site, and run this command again.",
        err=True,
    )


def _say_what_is_left_to_do(settings: Settings, database: Database) -> None:
    click.echo("What this command cannot do, and you should now:")
    click.echo("- Restart the site, or switch the machine off: processes keep keys in memory until they end.")
    click.echo("- Destroy every backup: with a passphrase, one from before still opens.")
    if "CAMPAIGN_SECRET_KEY" in os.environ:
        click.echo("- Take another CAMPAIGN_SECRET_KEY on every machine: this one belongs to those backups.")
    if not database.is_sqlite:
        click.echo("- Destroy PostgreSQL's archived write-ahead logs and replicas, which are backups too.")
    if settings.smtp_url:
        click.echo("- Think of what the mail relay keeps in its logs.")


def _is_unfinished(database: Database) -> bool:
    with database.reading() as db:
        return is_unfinished(db)


def _scrub(database: Database) -> None:
    """Go through the rows; interrupted, the worker or this command goes on."""
    try:
        with database.session(writes=True) as db:
            length = steps(db)
            db.rollback()
            with click.progressbar(length=length, label="Scrubbing rows", file=sys.stderr) as bar:
                for _rows in scrub(db):
                    db.commit()
                    bar.update(1)
            db.commit()
    except KeyboardInterrupt:
        raise CampaignError(
            "interrupted: nothing opens any more, but rows still hold what was sealed;"
            " `campaign erase`, or the worker within the hour, goes on"
        ) from None
    click.echo("Writing the database's files anew …", err=True)
    if not finish(database, now=SYSTEM_CLOCK()):
        raise CampaignError(
            "every row is scrubbed, but the database's files could not be written anew, which needs as much"
            " free disk as they take; `campaign erase`, or the worker within the hour, tries again"
        )
    click.echo("Everything personal is erased; counts, letters and what was delivered are left.")
