"""``campaign recount``, ``backup`` and ``doctor``: keeping the campaign in order."""

from pathlib import Path

import click

from campaign.cli.common import Campaign, pass_campaign
from campaign.errors import CampaignError
from campaign.operations.backup import _copy_sqlite, _dump_postgresql


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@pass_campaign
def backup(campaign: Campaign, file: Path) -> None:
    """Write a copy of the database to FILE, while the site goes on.

    A backup holds what the database holds: sealed names, which only an organiser's passphrase opens.
    """
    if file.exists():
        raise CampaignError(f"{file} is there already")
    url = campaign.database.url
    if campaign.database.is_sqlite:
        _copy_sqlite(str(url.database), file)
    else:
        _dump_postgresql(url.set(drivername="postgresql").render_as_string(hide_password=False), file)
    click.echo(f"{file} is written.")
