"""What supporters do, kept in transactions that those share who come at the same moment."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy.orm import Session

from campaign.clock import Clock
from campaign.database.group_commit import GroupCommit
from campaign.database.session import Database
from campaign.errors import CampaignError
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.confirm import confirm_all
from campaign.signature.model import Key
from campaign.signature.sign import Signing, sign_all

Outcome = TypeVar("Outcome")


class Acts:
    """The ways to keep something; once one returns, it is on disk."""

    def __init__(self, settings: Settings, database: Database, keys: ServerKeys, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._keys = keys
        self._clock = clock
        self._signings = GroupCommit(database, self._sign)
        self._confirmations = GroupCommit(database, self._confirm)

    def sign(self, signing: Signing) -> None:
        """Keep a signature; see :func:`campaign.signature.sign`."""
        self._signings.do(signing)

    def confirm(self, token: str) -> None:
        """Let a signature count; see :func:`campaign.signature.confirm`."""
        outcome = self._confirmations.do(token)
        if isinstance(outcome, CampaignError):
            raise outcome

    def do(self, act: Callable[[Session], Outcome]) -> Outcome:
        """Do what is rare, in a transaction of its own."""
        with self._database.writing() as db:
            return act(db)

    def _sign(self, db: Session, signings: Sequence[Signing]) -> Sequence[None]:
        sign_all(db, signings, keys=self._keys, now=self._clock(), closes_on=self._settings.closes_on)
        return [None] * len(signings)

    def _confirm(self, db: Session, tokens: Sequence[str]) -> Sequence[Key | CampaignError]:
        days, closes_on = self._settings.confirmation_days, self._settings.closes_on
        return confirm_all(db, tokens, now=self._clock(), confirmation_days=days, closes_on=closes_on)
