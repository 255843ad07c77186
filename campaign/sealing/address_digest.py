"""Keyed digests that recognise an e-mail address without storing it."""

import hmac
from dataclasses import dataclass, field
from datetime import date
from typing import Self

from campaign.sealing import argon2
from campaign.sealing.address import canonical_address, untagged_address
from campaign.sealing.argon2 import Cost
from campaign.sealing.server_key import ServerKeys

COST = Cost(1, 512 * 1024)
"""Of hashing an address: some 0.2 ms and half a MiB, for us once a submission, for a thief once a guess.

Digests made with another cost match no address, so this cannot change while a campaign runs.
"""


@dataclass(frozen=True)
class AddressDigests:
    """Digests of one mailbox; making one is slow on purpose, so make it outside a transaction."""

    _key: bytes = field(repr=False)
    _mailbox: bytes = field(repr=False)
    _hash: bytes = field(repr=False)
    is_plain: bool
    """Whether the address has no tag, unless its provider is known to ignore that."""

    @classmethod
    def of(cls, keys: ServerKeys, address: str) -> Self:
        """Hash *address*.

        The hash is of the address without its tag, which the daily limit needs too; the digests of
        a letter add the tag. So one hash is enough for both.
        """
        mailbox = canonical_address(address)
        untagged = untagged_address(mailbox)
        slow = argon2.derive(untagged.encode(), keys.address_salt, COST)
        return cls(keys.digest, mailbox.encode(), slow, mailbox == untagged)

    def for_letter(self, state_code: str) -> bytes:
        """Return the digest of the mailbox for the signatures of one letter."""
        return hmac.digest(
            self._key, b"letter\0%b\0%b%b" % (state_code.encode(), self._hash, self._mailbox), "sha256"
        )

    def for_day(self, on: date) -> bytes:
        """Return the digest of the mailbox, whatever its tag, for the limit of mails on one day."""
        return hmac.digest(self._key, b"day\0%b\0%b" % (on.isoformat().encode(), self._hash), "sha256")


def domain_digest(keys: ServerKeys, on: date, domain: str) -> bytes:
    """Return the digest of a mail domain for one day."""
    return hmac.digest(keys.digest, b"domain\0%b\0%b" % (on.isoformat().encode(), domain.encode()), "sha256")
