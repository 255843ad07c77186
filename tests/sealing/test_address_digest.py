from datetime import date

import pytest

from campaign.sealing.address_digest import address_digest, mailbox_digest
from campaign.sealing.server_key import ServerKeys

KEYS = ServerKeys.from_secret("a" * 40)


def test_without_its_salt_a_digest_matches_no_address() -> None:
    salted = ServerKeys.from_secret("a" * 40, b"salt")

    assert address_digest(salted, "de", "m@example.org") != address_digest(KEYS, "de", "m@example.org")


@pytest.mark.parametrize(
    "other",
    ["mara@example.org", " Mara@Example.ORG ", "MARA@example.org"],
)
def test_spellings_of_one_mailbox_have_one_digest(other: str) -> None:
    expected = address_digest(KEYS, "de", "mara@example.org")

    assert address_digest(KEYS, "de", other) == expected


def test_every_spelling_of_a_mailbox_has_one_digest() -> None:
    one, other = "mara@gmail.com", "Ma.ra+letters@googlemail.com"

    assert address_digest(KEYS, "de", one) == address_digest(KEYS, "de", other)
    assert mailbox_digest(KEYS, date(2026, 11, 23), one) == mailbox_digest(KEYS, date(2026, 11, 23), other)


def test_digests_of_two_letters_cannot_be_matched() -> None:
    assert address_digest(KEYS, "de", "m@example.org") != address_digest(KEYS, "fr", "m@example.org")


def test_digests_of_two_days_cannot_be_matched() -> None:
    one = mailbox_digest(KEYS, date(2026, 11, 23), "m@example.org")

    assert one != mailbox_digest(KEYS, date(2026, 11, 24), "m@example.org")


def test_every_purpose_has_its_own_key() -> None:
    assert len({KEYS.mail, KEYS.digest, KEYS.session, KEYS.cookie}) == 4
