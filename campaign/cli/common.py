"""What every command works with, and how organisers say who they are."""

import sys
from datetime import UTC, datetime
from functools import cached_property

import click

from campaign import organiser, unlocking
from campaign.appeal import Appeal
from campaign.appeal import load as load_appeal
from campaign.database import Database
from campaign.errors import CampaignError, WrongKeyError
from campaign.organiser import Unlocked
from campaign.settings import Settings
from campaign.settings import load as load_settings
from campaign.start import Started, prepare

COMMAND_LINE = "command line"
"""Who the audit log names for what was done here without an organiser's passphrase."""


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class Campaign:
    """The site's parts, each made when a command first needs it."""

    @cached_property
    def settings(self) -> Settings:
        """The settings of this machine."""
        return load_settings()

    @cached_property
    def appeal(self) -> Appeal:
        """The campaign's content."""
        return load_appeal(self.settings.appeal)

    @cached_property
    def database(self) -> Database:
        """The database, brought up to date."""
        database = Database(self.settings.database_url)
        try:
            self._started = prepare(database, self.settings, self.appeal, now=now())
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Let go of the database, if a command needed it."""
        if "database" in self.__dict__:
            self.database.close()

    @cached_property
    def started(self) -> Started:
        """The server's keys and the letter's edition."""
        _ = self.database
        return self._started

    def unlock(self) -> Unlocked:
        """Ask for an organiser's name and passphrase, or read them as two lines of stdin.

        Raises:
            WrongKeyError: They do not belong together.
        """
        if sys.stdin.isatty():
            name = click.prompt("Organiser", err=True)
            passphrase = click.prompt("Passphrase", hide_input=True, err=True)
        else:
            name, passphrase = sys.stdin.readline().strip(), sys.stdin.readline().strip("\r\n")
        if not name or not passphrase:
            raise CampaignError("an organiser's name and passphrase are needed, each on a line")
        return self._unlocked(name, passphrase)

    def _unlocked(self, name: str, passphrase: str) -> Unlocked:
        keys = self.started.keys
        with self.database.reading() as db:
            unlocking.check_attempt(db, name, keys=keys, now=now())
        try:
            with unlocking.one_at_a_time(self.settings.instance), self.database.session() as db:
                return organiser.unlock(db, name, passphrase)
        except WrongKeyError:
            with self.database.writing() as db:
                unlocking.note_failure(db, name, keys=keys, now=now())
            raise


pass_campaign = click.make_pass_decorator(Campaign)
