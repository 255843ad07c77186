"""A signature together with the content of its sealed box."""

from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.errors import AlteredError, WrongKeyError
from campaign.sealing.box import Details
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping
from campaign.sealing.key_ring import KeyRing
from campaign.sealing.key_succession import SUCCESSOR
from campaign.signature.model import Signature, SignatureKey


@dataclass(frozen=True)
class UnsealedSignature:
    """A signature whose box is opened when its details are read."""

    row: Signature
    ring: KeyRing = field(repr=False)

    @property
    def key(self) -> SignatureKey:
        """The signature's key."""
        return self.row.state_code, self.row.id

    @property
    def details(self) -> Details | None:
        """The content of the box; ``None`` without a box, or if it is altered or sealed to another key."""
        return self._opened[0]

    @property
    def is_altered(self) -> bool:
        """Whether the box does not belong to the row; the ring counts it."""
        return self._opened[1]

    @cached_property
    def _opened(self) -> tuple[Details | None, bool]:
        if self.row.sealed is None:
            return None, False
        try:
            return self.ring.details(self.row.key_id, self.row.sealed, self.row.context), False
        except AlteredError:
            return None, True
        except WrongKeyError:
            return None, False


def unopened_key_ids(db: Session) -> list[UUID]:
    """Return the ids of earlier keys that the current one does not open: a setup link does."""
    opened = select(KeyWrapping.key_id).where(KeyWrapping.kind == SUCCESSOR)
    earlier = select(CampaignKey.id).where(CampaignKey.is_current.is_(False), CampaignKey.id.not_in(opened))
    return list(db.scalars(earlier))
