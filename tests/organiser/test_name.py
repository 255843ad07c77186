"""Names of accounts: none looks like another's, or like the tool itself."""

import pytest

from campaign.errors import AccountNameError
from campaign.organiser.name import check, look_alike

ZWNJ, GRAVE, FILLER = "\u200c", "\u0300", "\u3164"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Анна", "анна"),
        ("Анна", "Aннa"),  # Latin A and a
        ("Anna", f"An{ZWNJ}na"),
        ("Anna", f"An{FILLER}na"),
        ("Anna", f"Ann{GRAVE}a"),
        ("Anna", "Ann a"),
        ("Anna", "Ａｎｎａ"),
        ("Olga", "0lga"),
        ("Olga", "Оlga"),
        ("Olga", "OLGА"),
        ("Ivan", "lvan"),
        ("Ivan", "|van"),
        ("Martin", "Rnartin".replace("Rn", "rn")),
        ("Nikos", "Νikοs"),
        ("Роза", "Ροза"),
        ("Özge", "Ozge"),
    ],
)
def test_names_that_could_be_taken_for_each_other_look_alike(one: str, other: str) -> None:
    assert look_alike(one, other)
    assert look_alike(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Alia", "Alla"), ("Анна", "Инна"), ("Olga", "Olga 2"), ("Pavel", "Павел"), ("Ян", "Dan")],
)
def test_other_names_do_not(one: str, other: str) -> None:
    assert not look_alike(one, other)


@pytest.mark.parametrize(
    "name", ["Анна", "Özge", "Élise", "ΝΊΚΗ", "Анна K.", "გიორგი", "محمد", "田中 さくら", "Ó 2"]
)
def test_a_name_may_be_written_in_any_one_alphabet(name: str) -> None:
    check(name)


@pytest.mark.parametrize(
    "name",
    [
        "command line",
        "Command-Line",
        "соmmand linе",
        f"comm{ZWNJ}and line",
        "SYSTEM",
        "Campaign",
        "owner",
        "",
        "…",
        FILLER,
        "x" * 81,
        "Օlga",  # an Armenian letter among Latin ones
    ],
)
def test_a_name_that_could_be_taken_for_the_tool_or_for_nobody_is_refused(name: str) -> None:
    with pytest.raises(AccountNameError):
        check(name)
