"""How each of the eight languages writes numbers, days and lists, and where that differs from CLDR."""

from datetime import UTC, date, datetime

from campaign.reference import notation
from campaign.reference.language import LANGUAGES

DAY, MOMENT = date(2021, 3, 8), datetime(2026, 11, 23, 9, 5, tzinfo=UTC)

# day | short day | month | short moment | list | 1234 | 1234567; "_" is a no-break space, "^" a narrow one
WRITTEN = {
    "en": "8 March 2021|8 Mar 2021|March 2021|23 Nov 2026, 09:05|A, B and C|1,234|1,234,567",
    "fr": "8 mars 2021|8 mars 2021|mars 2021|23 nov. 2026, 09:05|A, B et C|1^234|1^234^567",
    "de": "8. März 2021|08.03.2021|März 2021|23.11.2026, 09:05|A, B und C|1.234|1.234.567",
    "it": "8 marzo 2021|8 mar 2021|marzo 2021|23 nov 2026, 09:05|A, B e C|1234|1.234.567",
    "ru": "8 марта 2021_г.|8 мар. 2021_г.|март 2021 года|23 нояб. 2026_г., 09:05|A, B и C|1_234|1_234_567",
    "es": "8 de marzo de 2021|8 mar 2021|marzo de 2021|23 nov 2026, 09:05|A, B y C|1234|1.234.567",
    "kk": "2021_ж. 8 наурыз|2021_ж. 8 нау.|2021 жылғы наурыз|2026_ж. 23 қар., 09:05|A, B, C|1_234|1_234_567",
    "uk": "8 березня 2021_р.|8 бер. 2021_р.|березень 2021 року|23 лист. 2026_р., 09:05|A, B і C"
    "|1_234|1_234_567",
}


def test_each_language_writes_days_months_lists_and_numbers_in_its_own_way() -> None:
    assert WRITTEN.keys() == LANGUAGES.keys()
    for code, written in WRITTEN.items():
        assert [
            notation.day(DAY, code),
            notation.short_day(DAY, code),
            notation.month(DAY, code),
            notation.short_moment(MOMENT, code),
            notation.listed("ABC", code),
            notation.number(1234, code),
            notation.number(1234567, code),
        ] == written.replace("_", "\u00a0").replace("^", "\u202f").split("|"), code
        assert notation.moment(MOMENT, code) == f"{notation.day(MOMENT, code)}, 09:05"
        assert [notation.number(each, code) for each in (0, 999)] == ["0", "999"]


def test_french_and_italian_write_the_first_of_a_month_as_an_ordinal() -> None:
    first, eleventh = date(2026, 12, 1), date(2026, 12, 11)
    assert notation.day(first, "fr") == "1er décembre 2026"
    assert notation.short_day(first, "fr") == "1er déc. 2026"
    assert notation.day(first, "it") == "1º dicembre 2026"
    assert notation.day(eleventh, "fr") == "11 décembre 2026"
    assert notation.day(first, "es") == "1 de diciembre de 2026"


def test_french_sets_a_colon_off() -> None:
    assert {code: notation.mark(":", code) for code in LANGUAGES} == dict.fromkeys(LANGUAGES, ":") | {
        "fr": "\u00a0:"
    }
