"""``campaign copy``: the whole campaign moved to another database."""

import sys
from contextlib import ExitStack, closing
from pathlib import Path

import click
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from campaign.clock import SYSTEM_CLOCK
from campaign.database.session import Database
from campaign.errors import CopyError
from campaign.operations import copy as relocation

DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


@click.command()
@click.option("--from", "source", required=True, metavar="URL", help="The database that the site has now.")
@click.option("--to", "target", required=True, metavar="URL", help="A new, empty one.")
def copy(source: str, target: str) -> None:
    """Copy the whole campaign to another database, in either direction.

    URLs are sqlite:///FOLDER/campaign.sqlite or postgresql://USER@HOST/DATABASE; PostgreSQL's
    password is better left out, and kept in ~/.pgpass or PGPASSWORD, since other users of
    this machine can read a command's arguments.

    Stop the site first. Every row is copied and then compared by its hash, and the counts
    with the rows. Nothing is changed in the source. If it moved meanwhile, or anything went
    wrong, this ends with status 1, and `campaign serve` refuses the target.
    """
    with ExitStack() as stack:
        opened = [
            stack.enter_context(closing(_open(option, url, must_exist=option == "--from")))
            for option, url in (("--from", source), ("--to", target))
        ]
        try:
            copied = relocation.copy(*opened, now=SYSTEM_CLOCK(), step=_Progress())
        except DatabaseError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise CopyError(f"a database does not answer as it should ({reason})") from error
    click.echo(f"{copied.rows:,} rows are copied, and each was compared.")
    if copied.differences:
        click.echo(
            f"! In {len(copied.differences)} places the counts differ from the rows, as in the source:"
        )
        click.echo("  `campaign recount` says where.")
        sys.exit(1)
    click.echo("The counts equal the rows. Now start the site with the new CAMPAIGN_DATABASE_URL")
    click.echo("and the same CAMPAIGN_SECRET_KEY.")


class _Progress:
    """Says how far it is, a line for each part of the work."""

    def __init__(self) -> None:
        self._what, self._rows = "", 0

    def __call__(self, what: str, rows: int) -> None:
        if what != self._what:
            self._what, self._rows = what, 0
            click.echo(f"{what} …", err=True)
        self._rows += rows
        if sys.stderr.isatty():
            click.echo(f"\r  {self._rows:,} rows\r", err=True, nl=False)


def _open(option: str, text: str, *, must_exist: bool) -> Database:
    try:
        url = make_url(text)
        url = url.set(drivername=DRIVERS[url.get_backend_name()])
    except (ArgumentError, KeyError):
        raise CopyError(f"{option}: must begin with sqlite:/// or postgresql://") from None
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        if not url.database or (must_exist and not path.is_file()):
            raise CopyError(f"{option}: there is no file {path}")
        if not path.absolute().parent.is_dir():
            raise CopyError(f"{option}: there is no folder {path.absolute().parent}")
    return Database(url.render_as_string(hide_password=False))
