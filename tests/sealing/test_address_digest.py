import hmac
import time
from datetime import date
from itertools import pairwise

import pytest

from campaign.sealing.address import canonical_address
from campaign.sealing.address_digest import AddressDigests
from campaign.sealing.server_key import ServerKeys
from tests.support.factories import address_digest

KEYS = ServerKeys.from_secret("a" * 40, b"made-up")

DAY = date(2026, 11, 23)


def day_digest(address: str, on: date = DAY) -> bytes:
    return AddressDigests.of(KEYS, address).for_day(on)


def test_who_has_the_servers_key_pays_for_each_guessed_address() -> None:
    """A tenth of a millisecond is 10,000 guesses a second; before, it was a million."""
    guesses = 20
    began = time.process_time()
    for number in range(guesses):
        address_digest(KEYS, "de", f"mara{number}@example.org")

    assert time.process_time() - began > guesses * 0.0001


def test_no_keyed_hash_of_the_address_alone_is_a_digest() -> None:
    address = canonical_address("mara@example.org").encode()
    fast = {
        hmac.digest(key, prefix + address, "sha256")
        for key in vars(KEYS).values()
        for prefix in (b"", b"de\0", b"letter\0de\0", b"2026-11-23\0", b"day\0002026-11-23\0")
    }

    assert address_digest(KEYS, "de", "mara@example.org") not in fast
    assert day_digest("mara@example.org") not in fast


def test_with_another_digest_key_no_digest_matches_an_address() -> None:
    other = ServerKeys.from_secret("a" * 40, b"another")

    assert address_digest(other, "de", "m@example.org") != address_digest(KEYS, "de", "m@example.org")


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
    assert day_digest(one) == day_digest(other)


def test_the_limit_of_mails_drops_tags_that_a_letter_does_not() -> None:
    one, tagged = "mara@corp.example", "mara+7@corp.example"

    assert day_digest(one) == day_digest(tagged)
    assert address_digest(KEYS, "de", one) != address_digest(KEYS, "de", tagged)


@pytest.mark.parametrize("other", ["+mara@corp.example", '"mara+7"@corp.example', "mara@corp.example.org"])
def test_odd_addresses_get_digests_too(other: str) -> None:
    assert len(address_digest(KEYS, "de", other)) == len(day_digest(other)) == 32


def test_digests_of_two_letters_cannot_be_matched() -> None:
    mailbox = AddressDigests.of(KEYS, "m@example.org")

    assert mailbox.for_letter("de") != mailbox.for_letter("fr")


def test_digests_of_two_days_cannot_be_matched() -> None:
    digests = [day_digest("m@example.org", date(2026, 11, day)) for day in (23, 24, 25)]

    assert all(one != other for one, other in pairwise(digests))


def test_every_purpose_has_its_own_key() -> None:
    assert len(set(vars(KEYS).values())) == len(vars(KEYS))
