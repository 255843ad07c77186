"""A signature together with the content of its sealed box."""

from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.errors import WrongKeyError
from campaign.sealing import box
from campaign.sealing.box import Details
from campaign.sealing.campaign_key import CampaignKey
from campaign.signature.model import Signature, SignatureKey


@dataclass(frozen=True)
class UnsealedSignature:
    """A signature whose box is opened when its details are read."""

    row: Signature
    private_key: bytes = field(repr=False)

    @property
    def key(self) -> SignatureKey:
        """The signature's key."""
        return self.row.state_code, self.row.id

    @cached_property
    def details(self) -> Details | None:
        """The content of the box; ``None`` without a box, or if it is sealed to another key."""
        if self.row.sealed is not None:
            with suppress(WrongKeyError):
                return box.unseal(self.row.sealed, self.private_key)
        return None


def earlier_key_ids(db: Session) -> list[UUID]:
    """Return the ids of the campaign's earlier keys; the current private key opens no box of theirs."""
    return list(db.scalars(select(CampaignKey.id).where(CampaignKey.is_current.is_(False))))
