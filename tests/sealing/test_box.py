import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.errors import AlteredError, WrongKeyError
from campaign.sealing import box as seal
from campaign.sealing.box import Details
from campaign.sealing.passphrase_key import COST, new_salt, stretch

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(TEXT, TEXT, TEXT, TEXT)
def test_what_is_sealed_comes_back_as_it_was(name: str, email: str, town: str, words: str) -> None:
    private, public = seal.new_pair()
    details = Details(name=name, email=email, town=town, words=words)

    assert seal.unseal(seal.seal(details, public, "of"), private, "of") == details


def test_another_key_opens_nothing() -> None:
    _private, public = seal.new_pair()
    other, _public = seal.new_pair()

    with pytest.raises(WrongKeyError):
        seal.unseal(seal.seal(Details(name="Mara"), public, "of"), other, "of")


def test_a_box_does_not_tell_how_long_the_name_is() -> None:
    _private, public = seal.new_pair()

    short = seal.seal(Details(name="Li", email="l@example.org"), public, "of")
    long = seal.seal(
        Details(name="Maximiliane Example-Sample", email="maximiliane@example.org"), public, "of"
    )

    assert len(short) == len(long)


def test_an_altered_box_is_refused() -> None:
    private, public = seal.new_pair()
    box = bytearray(seal.seal(Details(name="Mara"), public, "of"))
    box[-1] ^= 1

    with pytest.raises(WrongKeyError):
        seal.unseal(bytes(box), private, "of")


def test_a_wrapping_opens_with_the_passphrase_alone() -> None:
    salt = new_salt()
    wrapped = seal.wrap(b"key", stretch("seven random words", salt, COST), "of")

    assert seal.unwrap(wrapped, stretch("seven random words", salt, COST), "of") == b"key"
    with pytest.raises(WrongKeyError):
        seal.unwrap(wrapped, stretch("seven other words", salt, COST), "of")


def test_neither_box_nor_wrapping_opens_in_another_context() -> None:
    private, public = seal.new_pair()
    details = seal.seal(Details(name="Mara"), public, "de 1")
    content = seal.seal_bytes(b"key", public, "de 1")
    wrapped = seal.wrap(b"key", b"k" * 32, "de 1")

    for opened in (
        lambda: seal.unseal(details, private, "de 2"),
        lambda: seal.unseal_bytes(content, private, "de 2"),
        lambda: seal.unwrap(wrapped, b"k" * 32, "de 2"),
    ):
        with pytest.raises(AlteredError):
            opened()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no padding",
        b"no JSON\x80",
        b"[]\x80",
        b"{}\x80",
        b'{"of": "of", "nam": "x"}\x80',
        b'{"of": "of", "name": 5}\x80',
        b'{"of": ["of"], "name": "Mara"}\x80',
        b"\xff\x80",
    ],
)
def test_a_box_that_somebody_else_sealed_is_altered_and_no_fault_of_the_program(content: bytes) -> None:
    private, public = seal.new_pair()

    with pytest.raises(AlteredError):
        seal.unseal(seal.encrypt(content, public), private, "of")


@pytest.mark.parametrize("length", [0, 1, 31, 47, 48])
def test_a_box_that_is_too_short_opens_with_no_key(length: int) -> None:
    private, _public = seal.new_pair()

    with pytest.raises(WrongKeyError):
        seal.unseal(bytes(length), private, "of")
    with pytest.raises(WrongKeyError):
        seal.unwrap(bytes(length), b"k" * 32, "of")
