"""Days as each language writes them, where CLDR differs."""

from datetime import date

from campaign.reference import notation


def test_french_and_italian_write_the_first_of_a_month_as_an_ordinal() -> None:
    first, eleventh = date(2026, 12, 1), date(2026, 12, 11)
    assert notation.day(first, "fr") == "1er décembre 2026"
    assert notation.short_day(first, "fr") == "1er déc. 2026"
    assert notation.day(first, "it") == "1º dicembre 2026"
    assert notation.day(eleventh, "fr") == "11 décembre 2026"
    assert notation.day(first, "es") == "1 de diciembre de 2026"
