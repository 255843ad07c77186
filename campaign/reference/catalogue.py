"""Translators' files: their messages, and whether each is translated."""

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from campaign.reference.language import catalogue_file


def read(code: str) -> Catalog:
    """Return the translators' file of the language *code*.

    Raises:
        babel.messages.pofile.PoFileError: The file is malformed.
    """
    with catalogue_file(code).open("rb") as file:
        return read_po(file, locale=code, abort_invalid=True)


def english(message: Message) -> tuple[str, ...]:
    """Return the English text: one form, or singular and plural."""
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def translations(message: Message) -> tuple[str, ...]:
    """Return the forms of the translation in the order of the language's plural forms."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def is_translated(message: Message) -> bool:
    """Whether every form has a text, and nobody marked it as a guess ("fuzzy")."""
    return all(translations(message)) and not message.fuzzy
