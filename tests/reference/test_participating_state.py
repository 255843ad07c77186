import unicodedata

import pytest

from campaign.reference.language import LANGUAGES
from campaign.reference.participating_state import STATES, state_named

MEMBERS = "at be bg cy cz de dk ee es fi fr gr hr hu ie it lt lu lv mt nl pl pt ro se si sk"


def test_there_are_57_states_with_lower_case_codes() -> None:
    assert len(STATES) == 57
    assert all(code == state.code == code.lower() and len(code) == 2 for code, state in STATES.items())


def test_states_are_ordered_by_their_english_names_without_the_article() -> None:
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


def test_the_european_union_has_its_27_members() -> None:
    assert {code for code, state in STATES.items() if state.is_eu_member} == set(MEMBERS.split())


def test_letters_to_each_delegation_are_in_english_or_another_language_of_the_campaign() -> None:
    for state in STATES.values():
        assert "en" in state.letter_languages
        assert set(state.letter_languages) <= set(LANGUAGES)


def test_the_holy_see_has_the_name_that_the_osce_uses() -> None:
    assert STATES["va"].name("en") == STATES["va"].osce_name == "Holy See"
    assert STATES["va"].sentence_form == "the Holy See"


def test_a_sentence_names_a_state_with_its_article_in_english_and_as_in_a_list_elsewhere() -> None:
    assert STATES["nl"].in_sentence("en") == "the Netherlands"
    assert STATES["nl"].in_sentence("de") == STATES["nl"].name("de")


def test_states_and_their_names_are_read_only() -> None:
    with pytest.raises(TypeError):
        STATES["de"].names["en"] = "Elsewhere"  # type: ignore[index]
    with pytest.raises(TypeError):
        STATES["xx"] = STATES["de"]  # type: ignore[index]


def test_a_state_is_found_by_each_of_its_names_whatever_keyboard_or_accents() -> None:
    for typed, code in (
        ("Казахстан", "kz"),
        ("Kazahstan", "kz"),
        ("qazaqstan", "kz"),
        ("Германия", "de"),
        ("Germaniya", "de"),
        ("nimechchyna", "de"),
        ("OSTERREICH", "at"),
        ("espana", "es"),
        ("Cote d’Ivoire", ""),
        ("the united kingdom", "gb"),
        ("Turkiye", "tr"),
        ("", ""),
    ):
        found = state_named(typed)
        assert (found.code if found else "") == code, typed
    for state in STATES.values():
        assert [state_named(name) for name in state.known_as] == [state] * len(state.known_as)
