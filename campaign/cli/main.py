"""The ``campaign`` command."""

import os
import resource
import sys
from importlib import import_module
from typing import NoReturn

import click
from sqlalchemy import exc

from campaign import __version__
from campaign.cli.common import Campaign
from campaign.errors import CampaignError

COMMANDS = {
    "serve": "serve",
    "work": "work",
    "organiser": "organiser",
    "delegations": "delegation",
    "list": "lists",
    "erase": "erase",
    "recount": "recount",
    "backup": "backup",
    "restore": "restore",
    "copy": "copy",
    "change-secret-key": "change_secret_key",
    "doctor": "doctor",
    "demo": "demo",
}
"""Each command's module in `campaign.cli`."""


class Commands(click.Group):
    """Import a command's module when the command is used: all of them take a third of a start's time."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """Return the names in alphabetical order."""
        return sorted(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Import the command *name*."""
        if name not in COMMANDS:
            return None
        members = vars(import_module(f"campaign.cli.{COMMANDS[name]}")).values()
        return next(each for each in members if isinstance(each, click.Command) and each.name == name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
@click.pass_context
def campaign(context: click.Context) -> None:
    """A letter campaign: supporters sign a letter to an OSCE delegation, organisers deliver it.

    Start with `campaign serve`: it creates what it needs in the folder `instance`, and prints
    the next step. All settings are CAMPAIGN_* environment variables; the README lists them.
    """
    context.obj = Campaign()
    context.call_on_close(context.obj.close)


def main() -> None:
    """Run the command; an expected error is printed as one line, without a traceback."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold unsealed names
    os.umask(0o077)  # every new file is for this user alone
    try:
        campaign.main(prog_name="campaign")
    except CampaignError as error:
        _fail(str(error))
    except exc.DatabaseError as error:
        if type(error) not in {exc.DatabaseError, exc.OperationalError}:
            raise  # a wrong statement is a bug of ours; a missing server or file is for the operator
        # The first line of the driver's message names the problem and quotes no row.
        reason = str(error.orig).strip().splitlines()[0]
        _fail(f"CAMPAIGN_DATABASE_URL: the database does not answer ({reason})")
    except OSError as error:
        _fail(f"{error.filename or 'cannot continue'}: {error.strerror or error}")


def _fail(message: str) -> NoReturn:
    click.echo(f"campaign: {message}", err=True)
    sys.exit(1)
