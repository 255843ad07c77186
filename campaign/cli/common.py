"""Settings, content and database for every command, and an organiser's login at the prompt."""

import sys
from functools import cached_property

import click

from campaign.appeal.content import Appeal
from campaign.appeal.reading import load as load_appeal
from campaign.clock import SYSTEM_CLOCK
from campaign.database.session import Database
from campaign.errors import CampaignError, RoleError
from campaign.operations.start import prepare
from campaign.organiser import login
from campaign.organiser.account import Unlocked, find_account
from campaign.organiser.argon2_turn import argon2_turn
from campaign.organiser.role import ORGANISER, reaches
from campaign.organiser.second_factor import TypedCode
from campaign.organiser.wrong_code import CONSOLE
from campaign.sealing.campaign_key import present_key
from campaign.settings import Settings
from campaign.settings import load as load_settings


class Campaign:
    """The parts of the site, each created when a command first needs it."""

    only_reads = False
    """Set by a command that only reads: it replays nothing of the journal."""

    creates = False
    """Set by a command that may begin a campaign: with any other, a mistyped folder would hold a new one."""

    composes = False
    """Set by a command that needs the letter's edition: composing all letters takes a sixth of a second."""

    @cached_property
    def settings(self) -> Settings:
        """The settings of this machine."""
        return load_settings(creates=self.creates)

    @cached_property
    def appeal(self) -> Appeal:
        """The campaign's content."""
        return load_appeal(self.settings.appeal)

    @cached_property
    def database(self) -> Database:
        """The database, migrated to the newest revision."""
        database = Database.of_site(self.settings)
        try:
            self._edition = prepare(
                database,
                self.settings,
                self.appeal,
                now=SYSTEM_CLOCK(),
                only_reads=self.only_reads,
                creates=self.creates,
                composes=self.composes,
            ).edition
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Close the database if a command used it."""
        if "database" in self.__dict__:
            self.database.close()

    @cached_property
    def edition(self) -> int:
        """The letter's edition."""
        _ = self.database
        assert self._edition is not None, "a command that uses the edition sets `composes` first"
        return self._edition

    def unlock(self, least: str = ORGANISER) -> Unlocked:
        """Prompt for an organiser's name and passphrase, or read them as two lines of stdin.

        An organiser with a second factor is also asked for its code, or gives it as the third line.

        Args:
            least: The lowest role that the command allows.

        Raises:
            WrongKeyError: The passphrase or the code is wrong.
            RoleError: The organiser's role is below *least*.
            NoKeyError: The campaign has no key that a passphrase could unwrap.
        """
        with self.database.reading() as db:
            present_key(db)  # no prompt after an emergency erasure
        name, passphrase = _prompt("Organiser").strip(), _prompt("Passphrase", hide_input=True)
        if not name or not passphrase:
            raise CampaignError("an organiser's name and passphrase are needed, each on its own line")
        with self.database.reading() as db:
            account = find_account(db, name)
            has_second_factor = account is not None and account.second_factor is not None
        code = TypedCode(_prompt("Six-digit code"), SYSTEM_CLOCK()) if has_second_factor else None
        unlocked = self._unlocked(name, passphrase, code)
        if not reaches(unlocked.role, least):
            raise RoleError(f"this command needs the role {least}; {unlocked.name} is a {unlocked.role}")
        return unlocked

    def _unlocked(self, name: str, passphrase: str, code: TypedCode | None) -> Unlocked:
        # No limit: who has this shell has the database too, and guesses without us.
        with argon2_turn(self.settings.instance), self.database.session(writes=True) as db:
            try:
                return login.unlock(db, name, passphrase, code, place=CONSOLE)
            finally:
                db.commit()  # the code is used up, or counted as wrong


def _prompt(label: str, *, hide_input: bool = False) -> str:
    """Return the answer typed at a terminal, or the next line of other input (empty at its end)."""
    if sys.stdin.isatty():
        return str(click.prompt(label, hide_input=hide_input, err=True))
    return sys.stdin.readline().strip("\r\n")


pass_campaign = click.make_pass_decorator(Campaign)
