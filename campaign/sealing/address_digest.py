"""Keyed digests that recognise an e-mail address without storing it."""

import hmac
from datetime import date

from campaign.sealing.address import canonical_address
from campaign.sealing.server_key import ServerKeys


def address_digest(keys: ServerKeys, state_code: str, address: str) -> bytes:
    """Return the digest of a mailbox for the signatures of one letter."""
    message = f"{state_code}\0{canonical_address(address)}"
    return hmac.digest(keys.digest, message.encode(), "sha256")


def mailbox_digest(keys: ServerKeys, on: date, address: str) -> bytes:
    """Return the digest of a mailbox for one day, for the daily limit of mails."""
    message = f"{on.isoformat()}\0{canonical_address(address)}"
    return hmac.digest(keys.digest, message.encode(), "sha256")
