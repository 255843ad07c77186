"""``campaign change-secret-key``: give the stopped site another secret key."""

from contextlib import closing
from pathlib import Path

import click

from campaign import secret_key
from campaign.cli.common import Campaign, pass_campaign
from campaign.clock import SYSTEM_CLOCK
from campaign.database.session import Database
from campaign.errors import SettingsError
from campaign.operations import change_secret_key as changing
from campaign.operations.instance_lock import instance_lock


@click.command("change-secret-key")
@click.option(
    "--to",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file with the new key; by default it is made, and replaces `secret_key` in the instance folder.",
)
@pass_campaign
def change_secret_key(campaign: Campaign, file: Path | None) -> None:
    """Give the site another secret key, such as after its disk or a copy of it was lost.

    Stop the site first, on every machine. Waiting mails stay readable, links and digests go on
    working, organisers log in again. After an interruption run the command again.
    """
    settings = campaign.settings
    # The rest of the site is not started, since after an interruption the present key no longer fits.
    with instance_lock(settings.instance, wait_seconds=0), closing(Database.of_site(settings)) as database:
        database.migrate(creates=False)
        unfinished = file or changing.new_file(settings)
        if changing.is_in_use(database):
            raise SettingsError("the site runs, or another program uses its database: stop it first")
        new = secret_key.read(unfinished)
        is_changed = changing.change(database, settings.secret_key, new, now=SYSTEM_CLOCK())
        database.checkpoint()
    if file is None:
        changing.replace_file(settings, unfinished)
    click.echo("The site has the new key." if is_changed else "The site has this key already.")
    if file is not None:
        click.echo(
            f"Now give the key in {file} to every machine, as you gave the old one; then start the site."
        )
    click.echo("Backups of before open with the old key, on paper; destroy it together with them.")
