"""``campaign organiser``: organisers' accounts."""

import click
from sqlalchemy.orm import Session

from campaign.cli.common import Campaign, pass_campaign
from campaign.clock import SYSTEM_CLOCK
from campaign.errors import AlteredError, OrganiserError
from campaign.organiser import membership
from campaign.organiser.account import all_accounts, find_account
from campaign.organiser.invitation import invite
from campaign.organiser.role import ORGANISER, OWNER, ROLES, opens_names
from campaign.sealing.row_mac import read_authentic_fact


@click.group()
def organiser() -> None:
    """Invite, list and remove organisers."""


@organiser.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(ROLES),
    default=ORGANISER,
    show_default=True,
    help="A reader sees counts and deliveries, never a name; an owner may also invite and remove.",
)
@pass_campaign
def add(campaign: Campaign, name: str, role: str) -> None:
    """Print an invitation link for a new organiser called NAME; it works once, within a week.

    Asks for an owner's name and passphrase: only an account that can open the names
    can share them.
    """
    owner = campaign.unlock(OWNER)
    with campaign.database.writing() as db:
        code = invite(db, owner, name, role, now=SYSTEM_CLOCK())
        # The URL of the last start: this shell may lack the setting.
        url = base_url(db) or campaign.settings.base_url
    click.echo(f"{url}/organise/setup/{code}")


@organiser.command("list")
@pass_campaign
def show(campaign: Campaign) -> None:
    """List the organisers."""
    campaign.only_reads = True
    with campaign.database.reading() as db:
        for each in all_accounts(db):
            click.echo(f"{each.name}\t{each.role}\tsince {each.made_at.date().isoformat()}")


@organiser.command()
@click.argument("name")
@pass_campaign
def remove(campaign: Campaign, name: str) -> None:
    """Remove the organiser NAME and every wrapping of the campaign key for this account.

    The last owner, and the account with the last wrapping, cannot be removed.
    """
    with campaign.database.writing() as db:
        account = find_account(db, name)
        if account is None:
            raise OrganiserError(f"there is no organiser called {name}")
        removed = membership.remove(db, account.id, now=SYSTEM_CLOCK())
    click.echo(f"{removed.name} was removed.")
    if opens_names(removed.role):
        click.echo("The campaign's key is changed when the next organiser logs in.")


def base_url(db: Session) -> str:
    """Return the URL of the last start, or nothing before it.

    Raises:
        AlteredError: Somebody changed it in the database, and the link would lead to another site.
    """
    content, is_genuine = read_authentic_fact(db, "base_url") or ("", True)
    if not is_genuine:
        raise AlteredError("the site's address was changed in the database: start `campaign serve` again")
    return content
