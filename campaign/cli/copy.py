"""``campaign copy``: copy the whole campaign to another database."""

import sys
from contextlib import ExitStack, closing
from pathlib import Path

import click
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from campaign.clock import SYSTEM_CLOCK
from campaign.database.session import Database
from campaign.errors import CopyError
from campaign.operations import copy as copying

DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


@click.command()
@click.option("--from", "source", required=True, metavar="URL", help="The present database of the site.")
@click.option("--to", "target", required=True, metavar="URL", help="A new, empty database.")
def copy(source: str, target: str) -> None:
    """Copy the whole campaign to another database, in either direction.

    URLs are sqlite:///FOLDER/campaign.sqlite or postgresql://USER@HOST/DATABASE; PostgreSQL's
    password belongs in ~/.pgpass or PGPASSWORD, since other users of this machine can read
    the arguments of a command.

    Stop the site first. Every row is copied and its hash compared; then the counts are compared
    with the rows. The source is not changed. If the source changed meanwhile, or anything else
    failed, the command ends with status 1, and `campaign serve` refuses the target.
    """
    with ExitStack() as stack:
        opened = [
            stack.enter_context(closing(_open(option, url, must_exist=option == "--from")))
            for option, url in (("--from", source), ("--to", target))
        ]
        try:
            copied = copying.copy(*opened, now=SYSTEM_CLOCK(), step=_Progress())
        except DatabaseError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise CopyError(f"a database failed ({reason})") from error
    click.echo(f"{copied.rows:,} rows are copied, and each was compared.")
    if copied.differences:
        click.echo(
            f"! In {len(copied.differences)} places the counts differ from the rows, as in the source:"
        )
        click.echo("  `campaign recount` lists them.")
        sys.exit(1)
    click.echo("The counts equal the rows. Now start the site with the new CAMPAIGN_DATABASE_URL")
    click.echo("and the same CAMPAIGN_SECRET_KEY.")


class _Progress:
    """Prints the progress, on a line for each part of the work."""

    def __init__(self) -> None:
        self._part, self._rows = "", 0

    def __call__(self, part: str, rows: int) -> None:
        if part != self._part:
            self._part, self._rows = part, 0
            click.echo(f"{part} …", err=True)
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
