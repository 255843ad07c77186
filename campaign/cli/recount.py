"""``campaign recount``."""

import sys

import click

from campaign.cli.common import Campaign, pass_campaign
from campaign.clock import SYSTEM_CLOCK
from campaign.operations import put_back
from campaign.signature import altered
from campaign.signature import recount as recounting


@click.command()
@pass_campaign
def recount(campaign: Campaign) -> None:
    """Compare the counts with the signatures; end with status 1 if they differ, or rows were altered."""
    campaign.only_reads = True
    with campaign.database.snapshot() as reading:
        differences, number = recounting.compare(reading), altered.count_altered(reading)
        back = put_back.count_put_back(reading, campaign.database.journal)
    with campaign.database.writing() as db:
        recounting.record(db, differences, now=SYSTEM_CLOCK())
        altered.note(db, number)
        put_back.note(db, back)
    for difference in differences:
        click.echo(
            f"{'/'.join(difference.of)}: counted {difference.counted}, but the rows say {difference.rows}"
        )
    if number:
        click.echo(f"{number} signatures were changed in the database: they are on no list.")
    if back:
        click.echo(f"{back} withdrawn signatures were put back in the database: restart the site.")
    if differences or number or back:
        sys.exit(1)
    click.echo("The counts equal the rows.")
