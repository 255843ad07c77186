import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.errors import WrongKeyError
from campaign.sealing import box as seal
from campaign.sealing.box import Details
from campaign.sealing.passphrase_key import COST, new_salt, stretch

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
