"""``campaign list``."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from campaign.cli.common import Campaign, pass_campaign
from campaign.clock import SYSTEM_CLOCK
from campaign.delivery import document
from campaign.delivery.plan import entries, plan
from campaign.errors import CampaignError
from campaign.organiser import altered_box, audit_log
from campaign.organiser.account import Unlocked
from campaign.reference.participating_state import STATES
from campaign.sealing.key_ring import KeyRing, key_ring
from campaign.signature import count
from campaign.signature_list import csv_file, entry

ALL = "all"

STANDARD_OUTPUT = Path("-")


@click.command("list")
@click.argument("state")
@click.option("--format", "format_", type=click.Choice(["csv", "pdf"]), default="csv", show_default=True)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="New file to write; - is standard output.",
)
@pass_campaign
def list_file(campaign: Campaign, state: str, format_: str, output: Path) -> None:
    """Write the list of signatories of the letter to STATE (a code such as `de`, or `all`).

    Asks for an organiser's name and passphrase, or reads them as two lines of standard input;
    with a second factor also for its code, or reads it as a third line.
    """
    state = state.lower()
    if state not in {ALL, *STATES}:
        hint = " (the United Kingdom is gb)" if state == "uk" else ""
        raise CampaignError(f"there is no participating state with the code “{state}”{hint}")
    campaign.only_reads = True
    campaign.composes = format_ == "pdf"
    organiser = campaign.unlock()
    with _opened(output) as file:
        with campaign.database.writing() as db:
            audit_log.record(db, organiser.name, "download list", f"{state} {format_}", now=SYSTEM_CLOCK())
        codes = list(STATES) if state == ALL else [state]
        if format_ == "csv":
            _write_csv(campaign, organiser, codes, file)
        else:
            _write_pdf(campaign, organiser, codes, file)
    if output != STANDARD_OUTPUT:
        click.echo(
            f"{output} is written. It holds names: store it where only organisers can read it.", err=True
        )


@contextmanager
def _opened(output: Path) -> Iterator[BinaryIO]:
    """Yield standard output, or a new file for this user alone, which is removed after an error."""
    if output == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        number = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CampaignError(f"{output} exists already") from None
    try:
        with os.fdopen(number, "wb") as file:
            yield file
    except BaseException:
        output.unlink(missing_ok=True)
        raise


def _write_csv(campaign: Campaign, organiser: Unlocked, codes: list[str], file: BinaryIO) -> None:
    with campaign.database.snapshot() as db:
        counts = count.by_state(db)
        ring = key_ring(db, organiser.campaign_private_key)
        rows = entry.for_organisers(db, codes, ring)
        length = sum(counts.get(code, 0) for code in codes)
        bar = click.progressbar(
            rows, length=length, label="Opening names", file=sys.stderr, update_min_steps=entry.BATCH
        )
        with bar as opened:
            file.writelines(line.encode() for line in csv_file.lines(opened))
    _report_altered(campaign, organiser, ring)


def _write_pdf(campaign: Campaign, organiser: Unlocked, codes: list[str], file: BinaryIO) -> None:
    today = SYSTEM_CLOCK().date()
    with campaign.database.snapshot() as db:
        edition = campaign.edition
        plans = [plan(db, campaign.appeal, STATES[code], edition=edition, today=today) for code in codes]
        ring = key_ring(db, organiser.campaign_private_key)
        document.write_working_copy(file, plans, lambda plan: entries(db, plan, ring), made_on=today)
    _report_altered(campaign, organiser, ring)


def _report_altered(campaign: Campaign, organiser: Unlocked, ring: KeyRing) -> None:
    if ring.altered:
        with campaign.database.writing() as db:
            altered_box.record(db, ring.altered, by=organiser.name, now=SYSTEM_CLOCK())
        click.echo(
            f"{len(ring.altered)} signatures are left out, since their boxes do not belong to their rows: "
            "somebody wrote to the database. Restore a backup from before that.",
            err=True,
        )
