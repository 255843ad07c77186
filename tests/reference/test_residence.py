import pytest

from campaign.reference.language import LANGUAGES
from campaign.reference.participating_state import STATES, sort_key
from campaign.reference.residence import RESIDENCES, choices, name


def test_residences_are_the_249_codes_of_iso_3166_and_kosovo_and_not_stated() -> None:
    assert len(RESIDENCES - {"ZZ", "XK"}) == 249
    assert name("XK", "en") == "Kosovo"
    assert "ZZ" in RESIDENCES
    assert {"KZ", "TW", "HK", "PS", "EH", "AQ", "VA"} <= RESIDENCES


def test_a_code_of_cldr_alone_is_no_residence() -> None:
    assert not RESIDENCES & {"EU", "UN", "EZ", "XA", "QO", "IC", "AC", "TA", "001", "419"}


def test_each_participating_state_is_a_residence() -> None:
    assert {code.upper() for code in STATES} <= RESIDENCES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_residence_has_a_name_in_every_language(language: str) -> None:
    for code in RESIDENCES:
        assert name(code, language).strip()
        assert name(code, language) != code


def test_a_participating_state_has_the_name_that_the_osce_uses() -> None:
    assert name("VA", "en") == "Holy See"
    assert name("US", "fr") == "États-Unis d’Amérique"
    assert name("JP", "de") == "Japan"


def test_an_unstated_residence_has_a_name() -> None:
    assert name("ZZ", "en") == "Not stated"


@pytest.mark.parametrize("language", LANGUAGES)
def test_choices_are_every_stated_residence_once_in_order(
    language: str,
) -> None:
    offered = choices(language)

    assert sorted(code for code, _name in offered) == sorted(RESIDENCES - {"ZZ"})
    assert len({label for _code, label in offered}) == len(offered)
    keys = [sort_key(label, language) for _code, label in offered]
    assert keys == sorted(keys)


def test_a_name_with_an_accent_is_sorted_by_its_letter() -> None:
    french = [label for _code, label in choices("fr")]

    assert french.index("Dominique") < french.index("Égypte") < french.index("Espagne")
    ukrainian = [label for _code, label in choices("uk")]
    assert ukrainian.index("Ефіопія") < ukrainian.index("Єгипет") < ukrainian.index("Замбія")
