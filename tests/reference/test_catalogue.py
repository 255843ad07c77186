"""The translators' files: complete, safe for pages, and written as each language writes."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import pytest
from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.support import Translations
from wtforms.i18n import messages_path

from campaign.appeal.content import Appeal
from campaign.paths import PACKAGE, TEMPLATES
from campaign.reference import catalogue
from campaign.reference.language import LANGUAGES, catalogue_file, wording
from tests.support import placeholders, typography
from tests.support.messages import PLURAL_FORMS, TRANSLATED, extracted, updated

pytestmark = pytest.mark.any_database

NOT_OFFERED_YET: set[str] = set()
"""Languages whose translation has not arrived; each of the others must be complete."""

SAME_IN_ALL = {"PDF", "CSV", "XLSX", "JSON", "OSCE", "SHA-256"}
SAME_AS_ENGLISH = {
    "de": {"Code", "Code: %(code)s", "Delegation", "Format", "Name", "Passphrase", "Status", "Text"}
    | {"Test: %(subject)s"},
    "fr": {"Code", "Contact", "E-mail", "Format", "Invitation", "Pages", "Promotion", "Source", "Sources"}
    | {"Signatures", "%(number)s signature", "%(number)s signatures", "signature", "signatures"},
    "it": {"Account", "E-mail", "OSCE, Vienna", "Passphrase", "Privacy", "account: %(about)s", "server"},
    "es": {"Error:"},
    "kk": {"E-mail"},
}
"""Messages that a language writes as English does."""

OF_WTFORMS = (
    "Invalid Choice: could not coerce.",
    "Not a valid choice.",
    "Not a valid date value.",
    "This field is required.",
)
"""The messages of WTForms that its fields show without a validator of ours."""


@cache
def read(code: str) -> Catalog:
    return catalogue.read(code)


def existing() -> list[str]:
    return [code for code in TRANSLATED if catalogue_file(code).exists()]


def messages(code: str) -> Iterator[Message]:
    """Yield the messages that have a translation, also if it is marked as a guess."""
    return (each for each in read(code) if each.id and any(catalogue.translations(each)))


def forms(message: Message) -> Iterator[tuple[str, str]]:
    """Yield each form of the translation with its English."""
    english = catalogue.english(message)
    for number, text in enumerate(catalogue.translations(message)):
        yield english[min(number, len(english) - 1)], text


def key(message: Message) -> tuple[object, ...]:
    return (message.context, *catalogue.english(message))


def test_all_languages_are_offered_but_those_that_are_named(appeal: Appeal) -> None:
    offered = {language.code for language in appeal.languages}

    assert offered == set(LANGUAGES) - NOT_OFFERED_YET


def test_an_offered_language_has_every_message(appeal: Appeal) -> None:
    needed = {key(message) for message in extracted() if message.id}

    for code in {language.code for language in appeal.languages} - {"en"}:
        ready = {key(each) for each in read(code) if each.id and catalogue.is_translated(each)}
        assert needed - ready == set(), f"{code} lacks messages: python -m tests.catalogues adds them"


def test_files_are_as_the_update_writes_them_so_that_changes_are_easy_to_read(appeal: Appeal) -> None:
    """Nothing obsolete, no line numbers, no dates, one order."""
    for code in {language.code for language in appeal.languages} - {"en"}:
        assert catalogue_file(code).read_text() == updated(code), f"{code}: run python -m tests.catalogues"


def test_no_translation_is_a_guess() -> None:
    assert [(code, key(each)) for code in existing() for each in messages(code) if each.fuzzy] == []


def test_no_translation_is_the_english_but_where_the_languages_agree() -> None:
    for code in existing():
        same = {
            text for each in messages(code) for english, text in forms(each) if _in_english(english, text)
        }

        assert same - SAME_IN_ALL == SAME_AS_ENGLISH.get(code, set()), code


def test_pages_can_use_every_translation() -> None:
    found = [
        (code, key(message), fault)
        for code in existing()
        for message in messages(code)
        for fault in placeholders.faults(message, code, read(code).num_plurals)
    ]

    assert found == [], _lines(found)


def test_plural_forms_are_those_of_cldr() -> None:
    for code in existing():
        rule, order = Locale(code).plural_form, _plural_names(code)
        compiled = wording(code)
        assert isinstance(compiled, Translations)
        assert read(code).num_plurals == len(order)
        assert f"{PLURAL_FORMS[code]}\\n" in catalogue_file(code).read_text()
        assert [order[compiled.plural(number)] for number in range(1_001)] == [
            rule(number) for number in range(1_001)
        ]


def test_translations_are_written_as_their_language_is() -> None:
    found = [
        (code, english, text, fault)
        for code in existing()
        for message in messages(code)
        for english, text in forms(message)
        for fault in chain(
            typography.faults(text, code),
            typography.name_faults(text, code),
            typography.differs_in_shape(english, text),
        )
    ]

    assert found == [], _lines(found)


def test_letters_and_appeals_are_written_as_their_language_is() -> None:
    found = [
        (code, text, fault)
        for code in TRANSLATED
        for text in _texts_of_the_appeal(code)
        for fault in typography.faults(text, code)
    ]

    assert found == [], _lines(found)


def test_messages_of_the_form_library_exist_in_each_language() -> None:
    for code in TRANSLATED:
        library = Translations.load(messages_path(), [code], domain="wtforms")
        for message in OF_WTFORMS:
            assert library.gettext(message) != message, code


def _lines(found: list[tuple[object, ...]]) -> str:
    return "\n".join(" | ".join(map(str, each)) for each in found)


def _in_english(english: str, text: str) -> bool:
    return english == text and bool(re.search(r"[^\W\d_]{2}", placeholders.PLACEHOLDER.sub("", text)))


def _plural_names(code: str) -> list[str]:
    return ["one", "few", "many"] if code in {"ru", "uk"} else ["one", "other"]


def _texts_of_the_appeal(code: str) -> Iterator[str]:
    texts, letter = PACKAGE / "data" / "appeal" / f"{code}.toml", TEMPLATES / "letters" / f"{code}.txt"
    if texts.exists():
        yield from _strings(tomllib.loads(texts.read_text()))
    if letter.exists():
        yield from _paragraphs(letter)


def _strings(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for each in node.values() if isinstance(node, dict) else node:
            yield from _strings(each)


def _paragraphs(letter: Path) -> Iterator[str]:
    """Yield each paragraph on one line; marks of the subject and of list items are no part of it."""
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}", "", letter.read_text(), flags=re.DOTALL)
    text = re.sub(r"\{\{.*?\}\}", "X", text, flags=re.DOTALL)
    for paragraph in re.split(r"\n\s*\n|\n- |^- |Subject:", text):
        yield re.sub(r"[ \n]+", " ", paragraph.strip(" \n"))
