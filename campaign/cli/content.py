"""``campaign delegations``, ``list`` and ``demo``: what goes in, and what comes out."""

import sys
from pathlib import Path
from typing import BinaryIO

import click

from campaign import audit, delegation, tally
from campaign.audit import COMMAND_LINE
from campaign.campaign_key import current_key
from campaign.cli.common import Campaign, now, pass_campaign
from campaign.delivery import document
from campaign.delivery.plan import plan
from campaign.demo import fill
from campaign.errors import CampaignError
from campaign.language import ENGLISH
from campaign.organiser import Unlocked
from campaign.participating_state import STATES
from campaign.signature_list import csv_file, reading

ALL = "all"


@click.group()
def delegations() -> None:
    """Import the delegations' addresses."""


@delegations.command("import")
@click.argument("file", type=click.File("rb"))
@pass_campaign
def import_(campaign: Campaign, file: BinaryIO) -> None:
    """Import FILE.csv: columns state, email, source, checked_on (such as 2026-11-23).

    Either every line is taken, or none, and each line that will not do is named.
    """
    content = file.read(delegation.LARGEST_IMPORT + 1)
    with campaign.database.writing() as db:
        number = delegation.import_csv(db, content, by=COMMAND_LINE, now=now())
        audit.record(db, COMMAND_LINE, "import addresses", str(number), now=now())
    click.echo(f"{number} addresses imported.")


@click.command("list")
@click.argument("state")
@click.option("--format", "format_", type=click.Choice(["csv", "pdf"]), default="csv", show_default=True)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write."
)
@pass_campaign
def list_file(campaign: Campaign, state: str, format_: str, output: Path) -> None:
    """Write the list of those who signed the letter to STATE (a code such as `de`, or `all`).

    Asks for an organiser's name and passphrase, or reads them as two lines of standard input;
    where codes from a phone are switched on, the code too, as a third line.
    """
    state = state.lower()
    if state not in {ALL, *STATES}:
        hint = " (the United Kingdom is gb)" if state == "uk" else ""
        raise CampaignError(f"there is no participating state with the code “{state}”{hint}")
    organiser = campaign.unlock()
    output.touch(mode=0o600)
    with campaign.database.writing() as db:
        audit.record(db, organiser.name, "download list", f"{state} {format_}", now=now())
    codes = list(STATES) if state == ALL else [state]
    if format_ == "csv":
        _write_csv(campaign, organiser, codes, output)
    else:
        _write_pdf(campaign, organiser, codes, output)
    click.echo(f"{output} is written. It holds names: keep it where only organisers can read it.", err=True)


@click.command()
@click.option(
    "--signatures", type=click.IntRange(1, 2_000_000), default=500, show_default=True, help="How many."
)
@pass_campaign
def demo(campaign: Campaign, signatures: int) -> None:
    """Fill the database with made-up signatories, to look around.

    Refuses a database that holds real signatures.
    """
    edition = campaign.started.edition
    with campaign.database.reading() as db:
        current_key(db)  # says what to do when there is none yet
    with click.progressbar(length=signatures, label="Signing") as bar:
        fill(campaign.database, edition=edition, number=signatures, now=now(), step=bar.update)
    click.echo("Every name is made up and ends in “(demo)”. Never mix them with real signatures.")


def _write_csv(campaign: Campaign, organiser: Unlocked, codes: list[str], output: Path) -> None:
    with output.open("w", encoding="utf-8", newline="") as file, campaign.database.snapshot() as db:
        counts = tally.by_state(db)
        rows = reading.for_organisers(db, codes, organiser.campaign_key)
        length = sum(counts.get(code, 0) for code in codes)
        bar = click.progressbar(
            rows, length=length, label="Opening names", file=sys.stderr, update_min_steps=reading.BATCH
        )
        with bar as opened:
            file.writelines(csv_file.lines(opened))


def _write_pdf(campaign: Campaign, organiser: Unlocked, codes: list[str], output: Path) -> None:
    today = now().date()
    with output.open("wb") as file, campaign.database.snapshot() as db:
        plans = [plan(db, campaign.appeal, STATES[code], today=today) for code in codes]
        document.write_working_copy(
            file,
            db,
            [each for each in plans if each.total] or plans[:1],
            organiser.campaign_key,
            edition=campaign.started.edition,
            language=ENGLISH,
            made_on=today,
        )
