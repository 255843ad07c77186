"""``campaign recount``, ``backup`` and ``doctor``: keeping the campaign in order."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import click

from campaign import doctor as examination
from campaign import recount as recounting
from campaign.cli.common import Campaign, now, pass_campaign
from campaign.errors import CampaignError


@click.command()
@pass_campaign
def recount(campaign: Campaign) -> None:
    """Compare the counts with the signatures; end with status 1 when they differ."""
    with campaign.database.snapshot() as reading:
        differences = recounting.compare(reading)
    with campaign.database.writing() as db:
        recounting.note(db, differences, now=now())
    for difference in differences:
        click.echo(
            f"{'/'.join(difference.of)}: counted {difference.counted}, but the rows say {difference.rows}"
        )
    if differences:
        sys.exit(1)
    click.echo("The counts equal the rows.")


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


@click.command()
@pass_campaign
def doctor(campaign: Campaign) -> None:
    """Say what is misconfigured, or could hurt soon; end with status 1 when something is."""
    findings = examination.examine(campaign.settings, campaign.appeal, campaign.database, now=now())
    for finding in findings:
        click.echo(f"{'!' if finding.is_serious else '-'} {finding.text}")
    if any(finding.is_serious for finding in findings):
        sys.exit(1)
    click.echo("Nothing serious found.")


def _copy_sqlite(path: str, file: Path) -> None:
    unfinished = file.with_name(file.name + ".part")
    unfinished.touch(mode=0o600, exist_ok=False)
    source, target = sqlite3.connect(path), sqlite3.connect(unfinished)
    try:
        # In one step, which nobody waits for: after each write of others, a further one would begin anew.
        source.backup(target)
    finally:
        source.close()
        target.close()
    with unfinished.open("rb") as written:
        os.fsync(written.fileno())
    unfinished.replace(file)


def _dump_postgresql(url: str, file: Path) -> None:
    command = shutil.which("pg_dump")
    if command is None:
        raise CampaignError("pg_dump is not installed on this machine; PostgreSQL's client package has it")
    unfinished = file.with_name(file.name + ".part")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        # The address goes by the environment: arguments can be read by every user of the machine.
        done = subprocess.run(  # noqa: S603 -- our own arguments
            [command, "--format=custom", "--no-owner"],
            stdout=output,
            env=os.environ | _libpq(url),
            check=False,
        )
        os.fsync(output.fileno())
    if done.returncode:
        unfinished.unlink()
        raise CampaignError("pg_dump failed")
    unfinished.replace(file)


def _libpq(url: str) -> dict[str, str]:
    from psycopg.conninfo import conninfo_to_dict

    names = {
        "host": "PGHOST",
        "port": "PGPORT",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "dbname": "PGDATABASE",
    }
    given = conninfo_to_dict(url)
    return {names[key]: str(value) for key, value in given.items() if key in names and value is not None}
