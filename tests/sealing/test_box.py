from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.errors import WrongKeyError
from campaign.sealing import box as seal
from campaign.sealing.address_digest import address_digest, mailbox_digest
from campaign.sealing.box import Details
from campaign.sealing.code import code_hash, code_key, grouped, new_code, read_code
from campaign.sealing.passphrase_key import COST, new_salt, stretch
from campaign.sealing.server_key import ServerKeys

KEYS = ServerKeys.from_secret("a" * 40)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(TEXT, TEXT, TEXT, TEXT)
def test_what_is_sealed_comes_back_as_it_was(name: str, email: str, town: str, words: str) -> None:
    private, public = seal.new_pair()
    details = Details(name=name, email=email, town=town, words=words)

    assert seal.unseal(seal.seal(details, public), private) == details


def test_another_key_opens_nothing() -> None:
    _private, public = seal.new_pair()
    other, _public = seal.new_pair()

    with pytest.raises(WrongKeyError):
        seal.unseal(seal.seal(Details(name="Mara"), public), other)


def test_a_box_does_not_tell_how_long_the_name_is() -> None:
    _private, public = seal.new_pair()

    short = seal.seal(Details(name="Li", email="l@example.org"), public)
    long = seal.seal(Details(name="Maximiliane Example-Sample", email="maximiliane@example.org"), public)

    assert len(short) == len(long)


def test_an_altered_box_is_refused() -> None:
    private, public = seal.new_pair()
    box = bytearray(seal.seal(Details(name="Mara"), public))
    box[-1] ^= 1

    with pytest.raises(WrongKeyError):
        seal.unseal(bytes(box), private)


def test_a_wrapping_opens_with_the_passphrase_alone() -> None:
    salt = new_salt()
    wrapped = seal.wrap(b"key", stretch("seven random words", salt, COST))

    assert seal.unwrap(wrapped, stretch("seven random words", salt, COST)) == b"key"
    with pytest.raises(WrongKeyError):
        seal.unwrap(wrapped, stretch("seven other words", salt, COST))


def test_every_purpose_has_a_key_of_its_own() -> None:
    assert len({KEYS.mail, KEYS.digest, KEYS.session, KEYS.cookie}) == 4


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


def test_a_code_may_be_typed_in_any_way() -> None:
    code = new_code()

    assert read_code(grouped(code).lower()) == code
    assert read_code(f"  {code[:10]} {code[10:]} ") == code


def test_letters_that_look_alike_are_read_as_the_digit_meant() -> None:
    assert read_code("OIL0" * 5) == "0110" * 5


@pytest.mark.parametrize(
    "typed", ["", "short", "U" * 20, "0" * 21, "0" * 100_000, "0000-0000-0000-0000-000é"]
)
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert read_code(typed) is None


def test_the_stored_hash_of_a_code_is_not_the_key_that_it_wraps_with() -> None:
    code = new_code()

    assert code_hash(code) != code_key(code)
