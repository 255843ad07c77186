"""``campaign backup``."""

from pathlib import Path

import click

from campaign.cli.common import Campaign, pass_campaign
from campaign.operations.backup import back_up


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@pass_campaign
def backup(campaign: Campaign, file: Path) -> None:
    """Write a copy of the database to FILE while the site runs.

    A backup holds what the database holds: sealed names, which only an organiser's passphrase opens.
    """
    campaign.only_reads = True
    back_up(campaign.database.url, file)
    click.echo(f"{file} is written.")
