"""``campaign recount``."""

import sys

import click

from campaign.cli.common import Campaign, pass_campaign
from campaign.clock import SYSTEM_CLOCK
from campaign.operations import comparison


@click.command()
@pass_campaign
def recount(campaign: Campaign) -> None:
    """Compare the counts with the signatures; end with status 1 if they differ, or rows were altered."""
    campaign.only_reads = True
    with campaign.database.snapshot() as reading:
        found = comparison.compare(reading, campaign.database.journal)
    with campaign.database.writing() as db:
        comparison.record(db, found, now=SYSTEM_CLOCK())
    for difference in found.differences:
        click.echo(
            f"{'/'.join(difference.of)}: counted {difference.counted}, but the rows say {difference.rows}"
        )
    if found.altered:
        click.echo(f"{found.altered} signatures were changed in the database: they are on no list.")
    if found.put_back:
        click.echo(f"{found.put_back} withdrawn signatures were put back in the database: restart the site.")
    if found.differences or found.altered or found.put_back:
        sys.exit(1)
    click.echo("The counts equal the rows.")
