"""Each rule for translations, broken once."""

import pytest
from babel.messages.catalog import Message

from campaign.reference import catalogue
from tests.support import placeholders, typography

pytestmark = pytest.mark.any_database

BROKEN = (
    ("de", 'Er sagt "ja".', "straight"),
    ("it", "L'elenco", "straight"),
    ("ru", "Два  пробела", "two spaces"),
    ("es", "Espere...", "three dots"),
    ("uk", "Так - ні", "hyphen"),
    ("de", "Warten Sie !", "before punctuation"),
    ("ru", "( нет)", "inside brackets"),
    ("de", "«Ja»", "„…“"),
    ("de", "„Ja”", "„…“"),
    ("de", "„Ja", "unclosed"),
    ("ru", "„Да“", "«…»"),
    ("fr", "“Oui”", "«…»"),
    ("fr", "«Oui»", "no-break"),
    ("fr", "Attention : non", "before punctuation"),
    ("fr", "Pourquoi?", "no-break"),
    ("ru", "Пoдпись", "Latin and Cyrillic"),
    ("uk", "Підпысати", "does not have"),
    ("ru", "Підпис", "does not have"),
)

WELL = (
    ("fr", "Attention\u00a0: «\u00a0oui\u00a0» à 12:30"),
    ("fr", "Pourquoi\u202f? Voyez https://example.org/?a=b…"),
    ("de", "Er sagt: „Sie ruft ‚Ja‘.“"),
    ("ru", "Он сказал: «Слово „да“ сказано»"),
    ("kk", "«Иә» – деді"),
    ("es", "¿Por qué «sí»? Working …"),
)

BROKEN_NAMES = (
    ("kk", "%(state)sға хат", "ending"),
    ("kk", "%(count)s-ға", "ending"),
    ("kk", "%(day)s дейін", "“дейін”"),
    ("fr", "Lettre de l’%(state)s", "elided"),
    ("fr", "Lettre de %(state)s", "“de”"),
    ("de", "Brief an %(state)s", "“an”"),
    ("ru", "Письмо для %(state)s", "“для”"),
    ("ru", "Письмо делегации %(state)s", "no colon"),
    ("uk", "Лист до <b>%(state)s</b>", "“до”"),
    ("ru", "До %(day)s.", "full stop"),
)

WELL_NAMES = (
    ("kk", "Делегацияға хат: %(state)s"),
    ("de", "Brief an die Delegation: %(state)s"),
    ("ru", "Письмо делегации (%(state)s), до %(day)s"),
    ("uk", "%(name)s: стан на %(month)s"),
)

ENGLISH = ("%(num)s <b>letter</b> of %(name)s", "%(num)s <b>letters</b> of %(name)s")

BROKEN_FORMS = (
    ("ru", ("%(num)s <b>a</b> %(name)s",) * 2, "3 plural forms"),
    ("ru", ("<b>a</b> %(name)s",) + ("%(num)s <b>a</b> %(name)s",) * 2, "lacks"),
    ("fr", ("<b>a</b> %(name)s", "%(num)s <b>a</b> %(name)s"), "lacks"),
    ("de", ("<b>a</b> %(name)s", "<b>a</b> %(name)s"), "lacks"),
    ("de", ("%(num)s <b>a</b>", "%(num)s <b>a</b> %(name)s"), "lacks"),
    ("de", ("%(number)s <b>a</b> %(name)s", "%(num)s <b>a</b> %(name)s"), "has the placeholder"),
    ("de", ("<i>a</i> %(name)s", "%(num)s <b>a</b> %(name)s"), "HTML"),
    ("de", ("5 % <b>a</b> %(name)s", "%(num)s <b>a</b> %(name)s"), "%%"),
)

BROKEN_SHAPES = (
    ("Choose a State first.", "Выберите государство", "ends with"),
    ("Choose a State first", "Выберите государство.", "ends with"),
    ("Why?", "Зачем", "ends with"),
    ("Delivered:", "Вручено", "ends with"),
    ("Delivered", "вручено", "small letter"),
    ("Delivered", "Вручено ", "white space"),
)


@pytest.mark.parametrize(("code", "text", "fault"), BROKEN)
def test_a_rule_of_typography_finds_what_breaks_it(code: str, text: str, fault: str) -> None:
    assert fault in "; ".join(typography.faults(text, code))


@pytest.mark.parametrize(("code", "text"), WELL)
def test_what_is_well_written_breaks_no_rule(code: str, text: str) -> None:
    assert list(typography.faults(text, code)) == []


@pytest.mark.parametrize(("code", "text", "fault"), BROKEN_NAMES)
def test_a_placeholder_that_would_be_inflected_is_found(code: str, text: str, fault: str) -> None:
    assert fault in "; ".join(typography.name_faults(text, code))


@pytest.mark.parametrize(("code", "text"), WELL_NAMES)
def test_a_placeholder_in_the_nominative_is_allowed(code: str, text: str) -> None:
    assert list(typography.name_faults(text, code)) == []


@pytest.mark.parametrize(("english", "text", "fault"), BROKEN_SHAPES)
def test_another_beginning_or_end_than_the_english_is_found(english: str, text: str, fault: str) -> None:
    assert fault in "; ".join(typography.differs_in_shape(english, text))


@pytest.mark.parametrize(("code", "translation", "fault"), BROKEN_FORMS)
def test_a_translation_that_would_break_a_page_is_found(
    code: str, translation: tuple[str, ...], fault: str
) -> None:
    message = Message(ENGLISH, translation)

    assert fault in "; ".join(placeholders.faults(message, code, 3 if code == "ru" else 2))


def test_a_singular_may_leave_out_the_number_where_it_means_one_alone() -> None:
    message = Message(ENGLISH, ("<b>a</b> %(name)s", "%(num)s <b>a</b> %(name)s"))

    assert list(placeholders.faults(message, "de", 2)) == []


def test_commands_stay_as_they_are() -> None:
    message = Message("Run <code>campaign doctor</code>.", "Starten Sie <code>Kampagne Doktor</code>.")

    assert list(placeholders.faults(message, "de", 2)) == [
        "commands and names in <code> differ from the English"
    ]


@pytest.mark.parametrize(
    ("message", "is_translated"),
    [
        (Message("a", "b"), True),
        (Message("a", ""), False),
        (Message("a", "b", flags=["fuzzy"]), False),
        (Message(("a", "as"), ("b", "")), False),
        (Message(("a", "as"), ("b", "c")), True),
    ],
)
def test_a_message_is_translated_when_each_form_is_and_none_is_a_guess(
    message: Message, is_translated: bool
) -> None:
    assert catalogue.is_translated(message) is is_translated
