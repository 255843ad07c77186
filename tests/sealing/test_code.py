import pytest

from campaign.sealing.code import RECOVERY_CHARACTERS, code_hash, code_key, grouped, new_code, read_code


def test_a_code_may_be_typed_in_any_way() -> None:
    code = new_code()

    assert read_code(grouped(code).lower()) == code
    assert read_code(f"  {code[:10]} {code[10:]} ") == code


def test_letters_that_look_alike_are_read_as_the_digit_that_they_resemble() -> None:
    assert read_code("OIL0" * 5) == "0110" * 5


def test_of_several_codes_the_last_is_read_since_a_host_may_look_like_one() -> None:
    code = new_code()

    assert read_code(f"https://mimosa-letters-to-osces.example/en/signature/{code}.") == code
    assert read_code(f"{new_code()} {code}") == code


def test_a_longer_code_is_read_among_other_words() -> None:
    code = new_code(RECOVERY_CHARACTERS)

    assert read_code(f"Recovery code: {grouped(code)}.", RECOVERY_CHARACTERS) == code
    assert read_code(grouped(code)) is None, "no part of it is a shorter code"


@pytest.mark.parametrize(
    "typed", ["", "short", "U" * 20, "0" * 21, "0" * 100_000, "0000-0000-0000-0000-000é"]
)
def test_other_text_is_not_read_as_a_code(typed: str) -> None:
    assert read_code(typed) is None


def test_the_stored_hash_of_a_code_is_not_the_key_that_it_wraps_with() -> None:
    code = new_code()

    assert code_hash(code) != code_key(code)
