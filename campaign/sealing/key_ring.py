"""The keys that open boxes: the current pair's, and those of earlier pairs that still have boxes."""

from collections.abc import Callable, Mapping
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.errors import AlteredError, WrongKeyError
from campaign.sealing import box
from campaign.sealing.box import Details, Opener
from campaign.sealing.campaign_key import CampaignKey
from campaign.sealing.key_succession import superseded_keys

Opened = TypeVar("Opened")


class KeyRing:
    """Opens the boxes of one organiser's request, whichever pair they are sealed to."""

    def __init__(self, openers: Mapping[UUID, Opener]) -> None:
        self._openers = openers
        self.shown = 0
        """How many signatures' boxes it opened so far, but those that a search opened and did not show."""
        self.altered: set[str] = set()
        """The contexts whose boxes did not belong to their rows, of those that were opened so far."""

    def details(self, key_id: UUID | None, sealed: bytes, context: str) -> Details:
        """Return the content of a signature's box.

        Raises:
            AlteredError: The row, or its box, was changed by somebody who writes to the database.
            WrongKeyError: The box is sealed to a pair that this ring does not have.
        """
        details = self._open(key_id, context, lambda opener: opener.details(sealed, context))
        self.shown += 1
        return details

    def content(self, key_id: UUID | None, sealed: bytes, context: str) -> bytes:
        """Return the content of a box from :func:`campaign.sealing.box.seal_bytes`.

        Raises:
            AlteredError: The row, or its box, was changed by somebody who writes to the database.
            WrongKeyError: The box is sealed to a pair that this ring does not have.
        """
        return self._open(key_id, context, lambda opener: opener.content(sealed, context))

    def _open(self, key_id: UUID | None, context: str, open_with: Callable[[Opener], Opened]) -> Opened:
        opener = None if key_id is None else self._openers.get(key_id)
        if opener is None:
            raise WrongKeyError("this box is sealed to an earlier key")
        try:
            return open_with(opener)
        except WrongKeyError as error:
            # The row names a key of this ring, so another reason is left: somebody changed row or box.
            self.altered.add(context)
            raise AlteredError("this box does not belong to its row") from error


def key_ring(db: Session, private_key: bytes) -> KeyRing:
    """Return the ring of the campaign's *private_key* and of the earlier keys that it opens."""
    public_key = box.public_half(private_key)
    current = db.scalar(select(CampaignKey.id).where(CampaignKey.public_key == public_key))
    if current is None:  # another pair took its place since the login
        return KeyRing({})
    earlier = {key.id: Opener(private) for key, private in superseded_keys(db, private_key)}
    return KeyRing({**earlier, current: Opener(private_key)})
