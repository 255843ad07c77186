"""Templates of the letter: plain text with Jinja placeholders."""

import re
import traceback
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from campaign.appeal.content import Appeal, Instrument, LetterFile, Person, Source, Texts
from campaign.errors import AppealError
from campaign.letter.sheet import Items, Letter, Paragraph
from campaign.reference import notation
from campaign.reference.language import LANGUAGES
from campaign.reference.participating_state import STATES, ParticipatingState

SUBJECT = "Subject:"
"""Marks the subject line in every language; it is not printed."""

MIN_BLOCKS = 5
"""Address, subject, salutation, one paragraph, closing."""

CACHED_LETTERS = 2 * len(STATES) * len(LANGUAGES)
"""Composed letters to cache: all of a campaign, twice, since organisers may change who gets no names."""

_SPACE = re.compile(r"[ \t\r\n]+")


class _Content(NamedTuple):
    """All that a letter is made of."""

    file: LetterFile
    language: str
    state_code: str
    instrument: Instrument
    persons: tuple[Person, ...]
    source: Source
    names_withheld: bool


def compose(appeal: Appeal, state: ParticipatingState, language: str) -> Letter:
    """Return the letter to *state* in *language*, one of the campaign's languages.

    Raises:
        AppealError: The template is invalid; the message gives file and line.
    """
    texts: Texts = appeal.translations.get(language, appeal)
    return _composed(
        _Content(
            file=appeal.letters[language],
            language=language,
            state_code=state.code,
            instrument=texts.instruments[state.code],
            persons=texts.persons,
            source=texts.source,
            names_withheld=state.code in appeal.no_names_to,
        )
    )


@lru_cache(maxsize=CACHED_LETTERS)
def _composed(content: _Content) -> Letter:
    return _parse(_render(content), content.file, STATES[content.state_code], content.language)


@lru_cache(maxsize=16)
def template(file: LetterFile, language: str) -> Template:
    """Return *file* as a compiled template.

    Raises:
        AppealError: The syntax is invalid; the message gives file and line.
    """
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # plain text; pages escape it
    )

    environment.filters["month"] = partial(notation.month, language=language)
    try:
        code = environment.compile(file.text, file.path.name, str(file.path))
    except TemplateSyntaxError as error:
        raise AppealError(f"{file.path}:{error.lineno}: {error.message}") from error
    return Template.from_code(environment, code, environment.globals)


def _render(content: _Content) -> str:
    file = content.file
    try:
        return template(file, content.language).render(
            state=STATES[content.state_code].name(content.language),
            ask=content.instrument.ask,
            instrument=content.instrument,
            persons=content.persons,
            source=content.source,
            names_withheld=content.names_withheld,
        )
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        raise AppealError(f"{file.path}:{_line(file.path, error)}: {error}") from error


def _line(path: Path, error: Exception) -> int:
    """Return the last line of the file in the traceback of *error*."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return (lines and lines[-1]) or 1


def _parse(text: str, file: LetterFile, state: ParticipatingState, language: str) -> Letter:
    """Split the rendered text at its empty lines into the parts of the letter."""
    blocks = re.split(r"\n\s*\n", text.strip())
    if len(blocks) < MIN_BLOCKS:
        end = len(file.text.rstrip().splitlines())
        raise AppealError(
            f"{file.path}:{end}: a letter needs address, subject, salutation,"
            " paragraphs and closing, with an empty line between them; it ends here"
        )
    address, subject, salutation, *body, closing = blocks
    if not subject.startswith(SUBJECT):
        raise _refusal(file, subject, f"the block after the address must begin with “{SUBJECT}”")
    return Letter(
        state_code=state.code,
        language=language,
        address=_lines(address),
        subject=_one_line(subject.removeprefix(SUBJECT)),
        salutation=_one_line(salutation),
        body=tuple(_block(each, file) for each in body),
        closing=_lines(closing),
    )


@lru_cache(maxsize=4096)
def _block(text: str, file: LetterFile) -> Paragraph | Items:
    """Return a block of the body; most are the same in many letters, which then share it."""
    first, *others = re.split(r"^[ \t]*- ", text, flags=re.MULTILINE)
    if not others:
        return Paragraph(_one_line(text))
    if first.strip():
        raise _refusal(file, first, f"leave an empty line before the list that follows “{_one_line(first)}”")
    return Items(tuple(_one_line(item) for item in others))


def _refusal(file: LetterFile, block: str, reason: str) -> AppealError:
    """Return an error that names the line of the template from which *block* was rendered."""
    first = block.strip().partition("\n")[0].strip()
    best, length = 1, 0
    for number, line in enumerate(file.text.splitlines(), 1):
        # Up to the first placeholder, a line of the template is the same as that of the letter.
        literal = line.partition("{")[0].strip()
        if len(literal) > length and first.startswith(literal):
            best, length = number, len(literal)
    return AppealError(f"{file.path}:{best}: {reason}")


def _lines(text: str) -> tuple[str, ...]:
    return tuple(_one_line(line) for line in text.splitlines())


def _one_line(text: str) -> str:
    """Return *text* with each run of spaces and line ends replaced by one space; no-break spaces stay."""
    return _SPACE.sub(" ", text).strip(" ")
