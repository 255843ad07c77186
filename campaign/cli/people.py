"""``campaign organiser``: the accounts."""

import click

from campaign import organiser as organisers
from campaign.cli.common import COMMAND_LINE, Campaign, now, pass_campaign
from campaign.database import recall


@click.group()
def organiser() -> None:
    """Invite, list and remove organisers."""


@organiser.command()
@pass_campaign
def add(campaign: Campaign) -> None:
    """Print a link under which a new organiser joins, good once and for a week.

    Asks for an owner's name and passphrase: only someone who can open the names
    can share them.
    """
    owner = campaign.unlock()
    with campaign.database.writing() as db:
        code = organisers.invite(db, owner, now=now())
        # Where the site was last served: the settings of this shell may not say it.
        base_url = recall(db, "base_url") or campaign.settings.base_url
    click.echo(f"{base_url}/organise/setup/{code}")


@organiser.command("list")
@pass_campaign
def show(campaign: Campaign) -> None:
    """List the organisers."""
    with campaign.database.reading() as db:
        for each in organisers.everyone(db):
            click.echo(f"{each.name}\t{each.role}\tsince {each.made_at.date().isoformat()}")


@organiser.command()
@click.argument("name")
@pass_campaign
def remove(campaign: Campaign, name: str) -> None:
    """Remove the organiser NAME, with every wrapping of the key that they hold."""
    with campaign.database.writing() as db:
        organisers.remove(db, name, by=COMMAND_LINE, now=now())
    click.echo(f"{name} was removed.")
