"""The ``campaign`` command."""

import os
import resource
import sys
from typing import NoReturn

import click
from sqlalchemy import exc

from campaign import __version__
from campaign.cli.backup import backup
from campaign.cli.change_secret_key import change_secret_key
from campaign.cli.common import Campaign
from campaign.cli.copy import copy
from campaign.cli.delegation import delegations
from campaign.cli.demo import demo
from campaign.cli.doctor import doctor
from campaign.cli.erase import erase
from campaign.cli.lists import list_file
from campaign.cli.organiser import organiser
from campaign.cli.recount import recount
from campaign.cli.restore import restore
from campaign.cli.serve import serve, work
from campaign.errors import CampaignError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
@click.pass_context
def campaign(context: click.Context) -> None:
    """A letter campaign: supporters sign a letter to an OSCE delegation, organisers deliver it.

    Start with `campaign serve`: it creates what it needs in the folder `instance`, and prints
    the next step. All settings are CAMPAIGN_* environment variables; the README lists them.
    """
    context.obj = Campaign()
    context.call_on_close(context.obj.close)


for command in (
    serve,
    work,
    organiser,
    delegations,
    list_file,
    erase,
    recount,
    backup,
    restore,
    copy,
    change_secret_key,
    doctor,
    demo,
):
    campaign.add_command(command)


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
