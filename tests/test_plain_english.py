"""Code and documents are written in plain English: a noun as subject, the technical verb."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.support.docs import DOCUMENTS, ROOT

NOT_USED = {
    r"anew": "again, or new",
    r"shall": "must, may or will",
    r"in hand": "being sent, claimed or processed",
    r"(is|are|was|were) told": "reads, is shown, gets an answer",
    r"whoever": "anybody who, or the noun",
    r"who (comes|asks|signs|knocks|waits|looks)": "the noun: a visitor, a signatory, a waiting request",
    r"one breath": "one write, one pipeline",
    r"of worth": "useful",
    r"be it that": "unless, or whether",
    r"the door": "the login, or the organisers' pages",
    r"hold(s|ing)? up|held up": "block, delay",
    r"look(s|ing)? after": "check, maintain",
    r"leave(s)? alone": "skip, or pause",
    r"mend(s|ed|ing)?": "fix, correct",
    r"walk(s|ed|ing)? through": "read in batches",
    r"for good": "permanently",
    r"at last": "finally",
    r"so many": "the number",
}
"""Words that had to be read twice, or that meant a different thing in each place, and what to say instead."""

MODULES = sorted(
    path
    for folder in ("campaign", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if path.name != Path(__file__).name
)

PHRASES = re.compile("|".join(rf"\b(?:{words})\b" for words in NOT_USED), re.IGNORECASE)


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of each comment and docstring of a module."""
    source = path.read_text()
    if not PHRASES.search(source):
        return  # as nearly all, which need not be parsed
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            text = node.value.value
            if isinstance(text, str):
                yield node.lineno, text


def findings(line: int, text: str) -> list[str]:
    """Return the unwanted phrases in *text*, which begins at *line*."""
    return [
        f"line {line + text[: found.start()].count(chr(10))}: {found[0]!r}"
        for found in PHRASES.finditer(text)
    ]


def test_comments_and_docstrings_use_no_phrase_that_needs_a_second_reading() -> None:
    found = {
        str(path.relative_to(ROOT)): [each for line, text in prose(path) for each in findings(line, text)]
        for path in MODULES
    }

    assert {path: phrases for path, phrases in found.items() if phrases} == {}


def test_documents_use_no_phrase_that_needs_a_second_reading() -> None:
    found = {path.name: findings(1, path.read_text()) for path in DOCUMENTS}

    assert {name: phrases for name, phrases in found.items() if phrases} == {}
