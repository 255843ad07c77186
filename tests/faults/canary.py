"""Random words, and a search that finds them in files whatever their encoding."""

import base64
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

LATIN, CYRILLIC = "bcdfghjklmnpqrstvwxz", "бвгджзклмнпрстфхцчшщ"

HEART_CHARACTERS, EDGE_CHARACTERS = 9, 5

EDGE_BYTES = 2 * EDGE_CHARACTERS + 1
"""The most bytes before or after a heart of which the first and last zero are not searched."""

DOCUMENT = b"%PDF-"
"""Start of a PDF. It is compressed, so the search reports every PDF instead of words in it."""

RUN_BYTES = 16
"""Shortest run of base64 that is decoded."""

_IN_BASE64 = bytes(bytes([byte]) in b"+/_-" or chr(byte).isalnum() for byte in range(128)).ljust(256, b"\0")
"""Translates each byte to 1 if it may be base64, else to 0."""

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}(?:=?\r?\n[A-Za-z0-9+/_-]{16,})*")
_HEX = re.compile(rb"[0-9A-Fa-f]{32,}")
_BYTE = re.compile(rb"(?:%|=|\\x)([0-9A-Fa-f]{2})")
_UNIT = re.compile(rb"\\u([0-9A-Fa-f]{4})")
_SOFT_BREAK = re.compile(rb"=\r?\n")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def _without_case() -> bytes:
    """Return a table for ``bytes.translate`` that makes upper and lower case equal.

    Of Latin in ASCII and UTF-16, and of Cyrillic in UTF-8 and UTF-16; it makes other bytes equal too.
    """
    # By the first hexadecimal digit: A to O are 4x and a to o 6x; in UTF-16, А to П are 1x and а to п 3x.
    table = bytearray(range(256))
    for digits in ("1357", "246", "8A", "9B"):
        for low in "0123456789ABCDEF":
            for digit in digits:
                table[int(digit + low, 16)] = int(digits[0] + low, 16)
    table[0xD1] = 0xD0
    return bytes(table)


_WITHOUT_CASE = _without_case()


class Canaries:
    """Makes unique words; those of one alphabet have the same middle, by which they are found."""

    def __init__(self) -> None:
        self._made: set[str] = set()
        self._hearts = {alphabet: _some(alphabet, HEART_CHARACTERS) for alphabet in (LATIN, CYRILLIC)}
        hearts = "|".join(self._hearts.values())
        self._word = re.compile(rf"[^\W_]*(?:{hearts})[^\W_]*")
        # Without their outermost zeros, hearts in both byte orders of UTF-16 are the same.
        spellings = (
            heart.encode(each)[at:]
            for heart in self._hearts.values()
            for each, at in (("utf-8", 0), ("utf-16-be", 1))
        )
        self._signs = [spelling.translate(_WITHOUT_CASE) for spelling in spellings]

    def latin(self) -> str:
        return self._make(LATIN)

    def cyrillic(self) -> str:
        return self._make(CYRILLIC)

    def found_in(self, content: bytes) -> set[str]:
        """Return the words in *content* in lower case, whatever their encoding."""
        found: set[str] = set()
        for layer in (content, *_decoded(content)):
            for plain in {layer, _unescaped(layer)}:
                for part in self._parts(plain):
                    for text in _readings(part):
                        found.update(self._word.findall(text))
        return set(map(self._known, found)) | ({DOCUMENT.decode()} if DOCUMENT in content else set())

    def found_under(self, folder: Path) -> dict[str, set[str]]:
        """Return the words in the name and content of every file under *folder*, by file."""
        found: dict[str, set[str]] = {}
        for path in sorted(folder.rglob("*")):
            words = self.found_in(os.fsencode(path.relative_to(folder)))
            if path.is_file():
                words |= self.found_in(path.read_bytes())
            if words:
                found[str(path.relative_to(folder))] = words
        return found

    def found_in_open_files(self, processes: Iterable[int]) -> set[str]:
        """Return the words in deleted files that *processes* still have open."""
        found: set[str] = set()
        for number in processes:
            for opened in Path(f"/proc/{number}/fd").iterdir():
                if opened.readlink().name.endswith(" (deleted)") and opened.is_file():
                    found |= self.found_in(opened.read_bytes())
        return found

    def _parts(self, content: bytes) -> Iterator[bytes]:
        """Yield where *content* seems to have a word: to read all of it in every encoding takes long."""
        comparable = content.translate(_WITHOUT_CASE)
        for sign in self._signs:
            at = comparable.find(sign)
            while at >= 0:
                yield content[max(at - EDGE_BYTES, 0) : at + len(sign) + EDGE_BYTES]
                at = comparable.find(sign, at + 1)

    def _make(self, alphabet: str) -> str:
        edges = (_some(alphabet, EDGE_CHARACTERS) for _ in range(2))
        word = self._hearts[alphabet].join(edges)
        self._made.add(word)
        return word.capitalize()

    def _known(self, found: str) -> str:
        """Return the whole word of which *found* is a part; adjoining letters do not belong to it."""
        ends = ((word, word[EDGE_CHARACTERS:], word[:-EDGE_CHARACTERS]) for word in self._made)
        return next((word for word, *parts in ends if any(part in found for part in parts)), found)


def _some(alphabet: str, characters: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(characters))


def _readings(content: bytes) -> Iterator[str]:
    """Yield *content* as text in every encoding, in lower case."""
    yield content.decode("utf-8", "ignore").casefold()
    for shift in (0, 1):
        yield content[shift:].decode("utf-16-le", "ignore").casefold()
        yield content[shift:].decode("utf-16-be", "ignore").casefold()


def _decoded(content: bytes) -> Iterator[bytes]:
    """Yield the bytes that base64 and hexadecimal runs in *content* decode to, at every offset."""
    found = list(dict.fromkeys(_runs(content)))
    runs = [re.sub(rb"[=\r\n]", b"", run).translate(_URL_SAFE) for run in found]
    for shift in range(4):
        shifted = (run[shift:] for run in runs)
        yield b"\n".join(base64.b64decode(run[: len(run) // 4 * 4]) for run in shifted)
    digits = [run for each in found for run in _HEX.findall(each)]
    for shift in range(2):
        shifted = (run[shift:] for run in digits)
        yield b"\n".join(bytes.fromhex(run[: len(run) // 2 * 2].decode()) for run in shifted)


def _runs(content: bytes) -> Iterator[bytes]:
    """Yield every run of base64, as hexadecimal is too; the search for a plain string is a fast one."""
    allowed, end = content.translate(_IN_BASE64), 0
    while (start := allowed.find(b"\1" * RUN_BYTES, end)) >= 0:
        run = _BASE64.match(content, start)
        assert run
        end = run.end()
        yield run[0]


def _unescaped(content: bytes) -> bytes:
    """Resolve ``%d0``, ``=D0``, ``\\xd0`` and ``\\u043f``: addresses, mails, reprs and JSON."""
    content = _SOFT_BREAK.sub(b"", content)
    content = _BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), content)
    return _UNIT.sub(lambda found: chr(int(found[1], 16)).encode("utf-8", "ignore"), content)
