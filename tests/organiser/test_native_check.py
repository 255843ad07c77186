"""Native readers' checks: what counts as checked, and what as changed."""

from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.letter.template import compose
from campaign.organiser import native_check
from campaign.organiser.native_check import CheckedLetters, letter_checks, statuses
from campaign.organiser.translation_part import Part, parts
from campaign.reference.catalogue_page import GROUPS, texts_by_group
from campaign.reference.participating_state import STATES
from tests.conftest import NOW

pytestmark = pytest.mark.any_database


def part(appeal: Appeal, key: str) -> Part:
    return next(each for each in parts(appeal, "de") if each.key == key)


def record(db: Session, *checked: Part, reader: str = "G. R.") -> None:
    native_check.record(db, "de", checked, reader=reader, checked_on=NOW.date(), by="Olga Organiser", now=NOW)


def with_new_office(appeal: Appeal) -> Appeal:
    """Return *appeal* with another office of one person, in German alone."""
    german = appeal.translations["de"]
    first, *others = german.persons
    changed = replace(german, persons=(replace(first, office="Vorsitzender"), *others))
    return replace(appeal, translations={**appeal.translations, "de": changed})


def test_a_second_check_replaces_the_first(db: Session, appeal: Appeal) -> None:
    record(db, part(appeal, "letter/at"), reader="First")
    record(db, part(appeal, "letter/at"), reader="Second")

    checks = [each.check for each in statuses(db, appeal, "de") if each.check]
    assert [(check.part, check.reader) for check in checks] == [("letter/at", "Second")]
    assert not [each for each in statuses(db, appeal, "fr") if each.check]


def test_what_changed_since_a_check_is_found_in_letters_and_pages(db: Session, appeal: Appeal) -> None:
    record(db, *parts(appeal, "de"))
    changed = with_new_office(appeal)

    outdated = [each for each in statuses(db, changed, "de") if each.is_outdated]

    assert {each.part.key for each in outdated} == {*(f"letter/{code}" for code in STATES), "page/appeal"}
    for each in outdated:
        [text] = each.changed
        assert "Vorsitzender" in text.translation
    assert [each for each in statuses(db, appeal, "de") if each.is_outdated] == []


def test_english_needs_no_check(db: Session, appeal: Appeal) -> None:
    assert not native_check.is_unchecked(db, compose(appeal, STATES["at"], "en"))
    assert native_check.is_unchecked(db, compose(appeal, STATES["at"], "de"))


def test_the_checked_letters_are_compared_once_until_checks_or_letters_change(
    db: Session, appeal: Appeal
) -> None:
    """The same object each second, so that cached pages compare equal at once."""
    record(db, part(appeal, "letter/at"), part(appeal, "page/home"))
    checked = CheckedLetters()

    first = checked.of(appeal, letter_checks(db))

    assert first == {("de", "at")}
    assert checked.of(appeal, letter_checks(db)) is first
    assert checked.of(with_new_office(appeal), letter_checks(db)) == set()
    native_check.take_back(db, "de", [part(appeal, "letter/at")], by="Olga Organiser", now=NOW)
    assert checked.of(appeal, letter_checks(db)) == set()


def test_a_language_that_is_no_longer_offered_is_left_out(db: Session, appeal: Appeal) -> None:
    record(db, part(appeal, "letter/at"))
    english = replace(appeal, translations={}, letters={"en": appeal.letters["en"]})

    assert CheckedLetters().of(english, letter_checks(db)) == set()
    assert {each.part.is_letter for each in statuses(db, english, "de")} == {False}


def test_every_message_belongs_to_one_group(appeal: Appeal) -> None:
    groups = texts_by_group("de")

    assert groups.keys() == GROUPS.keys()
    assert all(len(texts) > 10 for texts in groups.values())
    own = part(appeal, "page/appeal").texts
    german = appeal.translations["de"]
    assert {german.title, german.call, german.persons[0].office, german.claims[0].statement} <= {
        text.translation for text in own
    }
    assert len(own) == len(set(own))
