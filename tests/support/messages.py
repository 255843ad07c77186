"""Extract the English messages of code and templates, as ``pyproject.toml`` says where they are."""

import io
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from campaign.reference import catalogue
from campaign.reference.language import ENGLISH, LANGUAGES, catalogue_file
from tests.support.docs import ROOT

WIDTH = 100

TRANSLATED = tuple(code for code in LANGUAGES if code != ENGLISH.code)

_ONE_OTHER = "nplurals=2; plural=(n != 1);"
_ONE_FEW_MANY = (
    "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"
)
PLURAL_FORMS = dict.fromkeys(TRANSLATED, _ONE_OTHER) | {
    "fr": "nplurals=2; plural=(n > 1);",
    "ru": _ONE_FEW_MANY,
    "uk": _ONE_FEW_MANY,
}

# No dates, versions and names: each update would change them.
HEADER = """\
msgid ""
msgstr ""
"Language: {code}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plural_forms}\\n"

"""


@cache
def extracted() -> Catalog:
    """Return all messages without a translation; it takes two seconds."""
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "messages.pot"
        command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "pyproject.toml"]
        subprocess.run([*command, "-c", "Translators:", "-o", str(template), "."], cwd=ROOT, check=True)
        with template.open("rb") as file:
            return read_po(file)


def updated(code: str) -> str:
    """Return the catalogue of *code* with the messages of today; what is new in it has no translation."""
    old = catalogue.read(code) if catalogue_file(code).exists() else Catalog(locale=code)
    new = Catalog(locale=code, fuzzy=False)
    old.update(extracted(), no_fuzzy_matching=True)
    for message in sorted((each for each in old if each.id), key=_first_place):
        new.add(
            message.id,
            message.string,
            locations=[(file, None) for file in sorted({file for file, _ in message.locations})],
            flags=message.flags,
            auto_comments=message.auto_comments,
            user_comments=message.user_comments,
            context=message.context,
        )
    text = io.BytesIO()
    write_po(text, new, width=WIDTH, include_lineno=False, omit_header=True)
    return HEADER.format(code=code, plural_forms=PLURAL_FORMS[code]) + text.getvalue().decode().lstrip()


def _first_place(message: Message) -> tuple[str, int]:
    file, line = min(message.locations)
    return file, line or 0
