"""What supporters do, kept in transactions that those share who come at the same moment."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

from sqlalchemy.orm import Session

from campaign.database import Database
from campaign.group_commit import GroupCommit
from campaign.seal import ServerKeys
from campaign.settings import Settings
from campaign.signature import Signing, sign_all

Outcome = TypeVar("Outcome")

Act = Callable[[Session], Any]


class Acts:
    """The ways to keep something; once one returns, it is on disk."""

    def __init__(
        self, settings: Settings, database: Database, keys: ServerKeys, clock: Callable[[], datetime]
    ) -> None:
        self._closes_on = settings.closes_on
        self._keys = keys
        self._clock = clock
        self._signings = GroupCommit(database, self._sign)
        self._others: GroupCommit[Act, Any] = GroupCommit(database, _do_each)

    def sign(self, signing: Signing) -> None:
        """Keep a signature; see :func:`campaign.signature.sign`."""
        self._signings.do(signing)

    def do(self, act: Callable[[Session], Outcome]) -> Outcome:
        """Do *act*, which keeps nothing outside the session: it may be done again, without the others."""
        return cast("Outcome", self._others.do(act))

    def _sign(self, db: Session, signings: Sequence[Signing]) -> Sequence[None]:
        sign_all(db, signings, keys=self._keys, now=self._clock(), closes_on=self._closes_on)
        return [None] * len(signings)


def _do_each(db: Session, acts: Sequence[Act]) -> Sequence[Any]:
    outcomes = []
    for act in acts:
        outcomes.append(act(db))
        db.flush()
        db.expunge_all()  # the next one sees what is in the database, and no object of this one
    return outcomes
