"""``campaign list``."""

import sys
from pathlib import Path

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


@click.command("list")
@click.argument("state")
@click.option("--format", "format_", type=click.Choice(["csv", "pdf"]), default="csv", show_default=True)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write."
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
    organiser = campaign.unlock()
    output.touch(mode=0o600)
    with campaign.database.writing() as db:
        audit_log.record(db, organiser.name, "download list", f"{state} {format_}", now=SYSTEM_CLOCK())
    codes = list(STATES) if state == ALL else [state]
    if format_ == "csv":
        _write_csv(campaign, organiser, codes, output)
    else:
        _write_pdf(campaign, organiser, codes, output)
    click.echo(f"{output} is written. It holds names: store it where only organisers can read it.", err=True)


def _write_csv(campaign: Campaign, organiser: Unlocked, codes: list[str], output: Path) -> None:
    with output.open("w", encoding="utf-8", newline="") as file, campaign.database.snapshot() as db:
        counts = count.by_state(db)
        ring = key_ring(db, organiser.campaign_private_key)
        rows = entry.for_organisers(db, codes, ring)
        length = sum(counts.get(code, 0) for code in codes)
        bar = click.progressbar(
            rows, length=length, label="Opening names", file=sys.stderr, update_min_steps=entry.BATCH
        )
        with bar as opened:
            file.writelines(csv_file.lines(opened))
    _report_altered(campaign, organiser, ring)


def _write_pdf(campaign: Campaign, organiser: Unlocked, codes: list[str], output: Path) -> None:
    today = SYSTEM_CLOCK().date()
    with output.open("wb") as file, campaign.database.snapshot() as db:
        edition = campaign.started.edition
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
