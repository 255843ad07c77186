import unicodedata

import pytest

from campaign.reference.language import LANGUAGES
from campaign.reference.participating_state import STATES, sort_key

MEMBERS = "at be bg cy cz de dk ee es fi fr gr hr hu ie it lt lu lv mt nl pl pt ro se si sk"


def test_there_are_57_states_each_found_by_its_lower_case_code() -> None:
    assert len(STATES) == 57
    assert all(code == state.code == code.lower() and len(code) == 2 for code, state in STATES.items())


def test_states_stand_in_the_order_of_their_english_names_without_the_article() -> None:
    names = [state.name("en") for state in STATES.values()]

    assert names[:3] == ["Albania", "Andorra", "Armenia"]
    assert names.index("Greece") + 1 == names.index("Holy See")
    assert names.index("Montenegro") + 1 == names.index("The Netherlands")
    assert names.index("Tajikistan") + 1 == names.index("Türkiye")
    assert names[-1] == "Uzbekistan"


@pytest.mark.parametrize("code", STATES)
def test_each_state_has_a_clean_name_in_each_language_and_all_its_forms(code: str) -> None:
    state = STATES[code]

    assert set(state.names) == set(LANGUAGES)
    for text in (*state.names.values(), state.osce_name, state.sentence_form, state.long_name):
        assert text
        assert text == text.strip() == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_states_share_a_name(language: str) -> None:
    assert len({state.name(language) for state in STATES.values()}) == 57


def test_members_of_the_european_union_are_the_27() -> None:
    assert {code for code, state in STATES.items() if state.is_eu_member} == set(MEMBERS.split())


def test_each_delegation_may_be_written_to_in_english_and_in_languages_of_the_campaign() -> None:
    for state in STATES.values():
        assert "en" in state.letter_languages
        assert set(state.letter_languages) <= set(LANGUAGES)


def test_the_osce_calls_it_holy_see() -> None:
    assert STATES["va"].name("en") == STATES["va"].osce_name == "Holy See"
    assert STATES["va"].sentence_form == "the Holy See"


def test_a_states_names_cannot_be_changed_by_who_reads_them() -> None:
    with pytest.raises(TypeError):
        STATES["de"].names["en"] = "Elsewhere"  # type: ignore[index]
    with pytest.raises(TypeError):
        STATES["xx"] = STATES["de"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("language", "states_in_order"),
    [
        ("en", "Åland Islands, Albania, Albany"),
        ("fr", "Danemark, Égypte, Émirats, Espagne"),
        ("de", "Oman, Österreich, Pakistan"),
        ("es", "nube, ñandú, oca"),
        ("ru", "Ирландия, Италия, Йемен, Кабо-Верде"),
        ("ru", "Люксембург, Тёркс, Того"),
        ("uk", "Греція, Данія, Естонія, Єгипет, Замбія, Зімбабве, Індія, Йорданія"),
        ("kk", "Австрия, Әзірбайжан, Беларусь, Кипр, Қазақстан, Латвия, Украина, Ұлыбритания, Үндістан"),
    ],
)
def test_names_are_ordered_as_the_language_orders_its_letters(language: str, states_in_order: str) -> None:
    names = states_in_order.split(", ")
    names.reverse()

    assert sorted(names, key=lambda name: sort_key(name, language)) == states_in_order.split(", ")
