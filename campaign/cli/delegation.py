"""``campaign delegations``."""

from typing import BinaryIO

import click

from campaign.cli.common import Campaign, pass_campaign
from campaign.clock import SYSTEM_CLOCK
from campaign.delivery import delegation
from campaign.delivery.address_file import LARGEST_IMPORT
from campaign.organiser import audit_log
from campaign.organiser.audit_log import COMMAND_LINE


@click.group()
def delegations() -> None:
    """Import the e-mail addresses of the delegations."""


@delegations.command("import")
@click.argument("file", type=click.File("rb"))
@pass_campaign
def import_(campaign: Campaign, file: BinaryIO) -> None:
    """Import FILE.csv: columns state, email, source, checked_on (such as 2026-11-23).

    Either all lines are imported or none; an error names every wrong line.
    """
    content = file.read(LARGEST_IMPORT + 1)
    with campaign.database.writing() as db:
        number = delegation.import_csv(db, content, by=COMMAND_LINE, now=SYSTEM_CLOCK())
        audit_log.record(db, COMMAND_LINE, "import addresses", str(number), now=SYSTEM_CLOCK())
    click.echo(f"{number} addresses imported.")
