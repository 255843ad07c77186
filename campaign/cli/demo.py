"""``campaign demo``."""

import click

from campaign.cli.common import Campaign, pass_campaign
from campaign.clock import SYSTEM_CLOCK
from campaign.operations.demo import fill
from campaign.sealing.campaign_key import current_key
from campaign.signature import published_count


@click.command()
@click.option(
    "--signatures",
    type=click.IntRange(1, 2_000_000),
    default=500,
    show_default=True,
    help="How many.",
)
@pass_campaign
def demo(campaign: Campaign, signatures: int) -> None:
    """Fill the database with made-up signatories, to try the site.

    Refuses a database that holds real signatures.
    """
    campaign.creates = campaign.composes = True
    edition = campaign.edition
    with campaign.database.reading() as db:
        current_key(db)  # its error says what to do without a key
    with click.progressbar(length=signatures, label="Signing") as bar:
        fill(
            campaign.database,
            campaign.appeal,
            edition=edition,
            number=signatures,
            now=SYSTEM_CLOCK(),
            step=bar.update,
        )
    with campaign.database.writing() as db:
        published_count.publish_all(db, campaign.settings, now=SYSTEM_CLOCK())
    click.echo("Every name is made up and ends in “(demo)”. Never mix them with real signatures.")
