"""Write supporters' changes; simultaneous signatures and confirmations share a transaction."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import TypeVar

from sqlalchemy.orm import Session

from campaign.clock import Clock
from campaign.database.group_commit import GroupCommit
from campaign.database.session import Database
from campaign.errors import CampaignError
from campaign.mail.random_wait import wait_on
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.announcement import closing_day, erased_close
from campaign.signature.confirm import Confirmation, confirm
from campaign.signature.model import SignatureKey
from campaign.signature.sign import Signing, sign

Outcome = TypeVar("Outcome")


class SignatureWriter:
    """Writes what supporters do; when a method returns, its change is on disk."""

    def __init__(self, settings: Settings, database: Database, keys: ServerKeys, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._keys = keys
        self._clock = clock
        self._signings = GroupCommit(database, self._sign_all)
        self._confirmations = GroupCommit(database, self._confirm_all)

    def sign(self, signing: Signing) -> None:
        """Record pending signatures; see :func:`campaign.signature.sign.sign`."""
        self._signings.commit(signing)

    def confirm(self, confirmation: Confirmation) -> None:
        """Confirm signatures; see :func:`campaign.signature.confirm.confirm`.

        Raises:
            CampaignError: They cannot be confirmed.
        """
        outcome = self._confirmations.commit(confirmation)
        if isinstance(outcome, CampaignError):
            raise outcome

    def run(self, change: Callable[[Session], Outcome]) -> Outcome:
        """Run a rare *change* in a transaction of its own, and return its result."""
        with self._database.writing() as db:
            return change(db)

    def _sign_all(self, db: Session, signings: Sequence[Signing]) -> Sequence[None]:
        sign(
            db,
            signings,
            keys=self._keys,
            now=self._clock(),
            confirmation_days=self._settings.confirmation_days,
            closes_on=self.closes_on(db),
            wait=wait_on(self._settings),
        )
        return [None] * len(signings)

    def _confirm_all(
        self, db: Session, confirmations: Sequence[Confirmation]
    ) -> Sequence[tuple[SignatureKey, ...] | CampaignError]:
        return confirm(
            db,
            confirmations,
            keys=self._keys,
            now=self._clock(),
            confirmation_days=self._settings.confirmation_days,
            closes_on=self.closes_on(db),
        )

    def closes_on(self, db: Session) -> date | None:
        """Return the closing day as the transaction sees it: nobody may sign once digests are erased."""
        return closing_day(self._settings.closes_on, erased_close(db))
