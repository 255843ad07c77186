"""``campaign work``: the mail worker."""

import click

from campaign import log
from campaign.cli.common import Campaign, pass_campaign
from campaign.operations.emergency.reserve import make_reserve
from campaign.worker.tasks import Tasks


@click.command()
@click.option("--follow-parent", is_flag=True, hidden=True, help="Stop when the parent process ends.")
@pass_campaign
def work(campaign: Campaign, follow_parent: bool) -> None:
    """Run the mail worker alone: on a second machine, or beside a web server of your own."""
    database, settings = campaign.database, campaign.settings
    log.configure(settings)
    if not follow_parent:
        make_reserve(database)
    Tasks(settings, database).run_worker(follow_parent=follow_parent)
