from campaign.reference.alphabet import is_found, sort_key

ORDERED = (
    ("en", "Åland Islands, Albania, Albany, Łódź, Moon, The Netherlands, North"),
    ("fr", "Danemark, Égypte, Émirats, Espagne"),
    ("de", "Oman, Österreich, Pakistan"),
    ("es", "nube, ñandú, oca"),
    ("ru", "Ирландия, Италия, Йемен, Кабо-Верде"),
    ("ru", "Люксембург, Тёркс, Того"),
    ("uk", "Греція, Данія, Естонія, Єгипет, Замбія, Зімбабве, Індія, Йорданія"),
    ("uk", "Галина, Ґалаґан, Дарина, Ева, Єва, Ивга, Ірина, Їжакевич, Йосип"),
    ("kk", "Австрия, Әзірбайжан, Беларусь, Кипр, Қазақстан, Латвия, Украина, Ұлыбритания, Үндістан"),
    ("kk", "Гүлнар, Ғани, Нұр, Ңа, Олжас, Өмір, Хан, Һа, Цой, Ыбырай, Іңкәр, Эльмира"),
    ("ru", "Анна, Яна, Anna, Zoë, Ґалаґан, Άννα"),
    ("kk", "007, Әсел, Яна, Anna, Zoë, Єва"),
    ("de", "Æbel, Anna, Zoë, Анна, Әсел, Ірина, Яна"),
)


def test_names_follow_the_alphabet_of_the_language_and_those_in_other_alphabets_come_after() -> None:
    for language, ordered in ORDERED:
        names = ordered.split(", ")
        names.reverse()

        assert sorted(names, key=lambda name: sort_key(name, language)) == ordered.split(", ")


def test_a_search_forgives_accents_case_and_the_keyboard() -> None:
    assert is_found("aigul", "Айгүл Example")
    assert is_found("ŁODZ", "from Łódź")
    assert is_found("Хасан", "Khasan")
    assert is_found("", "anything")
    assert is_found("@", "a @ b")
    assert not is_found("@", "a b")
    assert not is_found("Anna", "Hanne")
