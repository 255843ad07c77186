"""``campaign restore``: put a backup in the database's place."""

import sys
from pathlib import Path

import click

from campaign.cli.common import Campaign, pass_campaign
from campaign.clock import SYSTEM_CLOCK
from campaign.operations import restore as restoring
from campaign.operations.restore import Restored

FILE = click.Path(dir_okay=False, path_type=Path)

_WORDS = {None: None, "replay": True, "ignore": False}


@click.command()
@click.argument("file", type=FILE)
@click.option("--replace", is_flag=True, help="Put the present SQLite database aside.")
@click.option(
    "--journal",
    "journals",
    type=FILE,
    multiple=True,
    help="The journal of another machine of this site; may be repeated.",
)
@click.option(
    "--others",
    type=click.Choice(["replay", "ignore"]),
    help="What to do with acts of databases that the backup does not know.",
)
@click.option(
    "--erasures",
    type=click.Choice(["replay", "ignore"]),
    help="Whether to repeat an erasure of everything personal.",
)
@pass_campaign
def restore(
    campaign: Campaign,
    file: Path,
    replace: bool,
    journals: tuple[Path, ...],
    others: str | None,
    erasures: str | None,
) -> None:
    """Restore the backup FILE, and replay what the journal says of the time after it.

    Stop the site first, on every machine. With PostgreSQL, CAMPAIGN_DATABASE_URL names a new, empty
    database. Afterwards names are published and letters delivered only when an owner has looked.
    """
    campaign.creates = True
    restored = restoring.restore(
        campaign.settings,
        campaign.appeal,
        file,
        journals=journals,
        with_foreign=_WORDS[others],
        erases=_WORDS[erasures],
        replaces=replace,
        now=SYSTEM_CLOCK(),
    )
    _print(restored)
    if restored.differences:
        click.echo("! The counts differ from the rows: `campaign recount` lists where.", err=True)
        sys.exit(1)
    click.echo("The counts equal the rows.")


def _print(restored: Restored) -> None:
    found = restored.restoration
    click.echo("The backup is restored, and the journal replayed:")
    for act, number in found.replayed.items():
        click.echo(f"  {number:,} × {act}")
    if not found.replayed:
        click.echo("  nothing came after the backup.")
    for act, number in found.reported.items():
        click.echo(f"! {number:,} × {act}: lost, and to be done again.")
    if found.kept_organisers:
        click.echo(
            f"! {found.kept_organisers} × an organiser who was removed or lowered is back with all rights:"
            " without this account nobody could open the names."
        )
    if found.missing_journals:
        click.echo(f"! {found.missing_journals} × a journal of this site is missing: use --journal.")
    if found.missing_lines:
        click.echo(
            f"! {found.missing_lines} × a line of the journal is missing: a newer copy, or another machine's"
            " file, may have it: use --journal."
        )
    if found.conflicting_lines:
        click.echo(f"! {found.conflicting_lines} × two journals differ in a line: both were replayed.")
    if restored.aside:
        click.echo(f"The database before is {restored.aside}: destroy it when you no longer need it.")
    for place in restored.earlier:
        click.echo(
            f"The database {place}, if it is still there, has everything: destroy it when you no longer"
        )
        click.echo("need it, since no emergency reaches it.")
    click.echo("Start the site. Until an owner has looked at the page Restored, no name is published")
    click.echo("and no letter delivered.")
