"""How each language writes: quotation marks, no-break spaces, letters, and names that nothing inflects."""

import re
from collections.abc import Iterator

from tests.support.placeholders import PLACEHOLDER, TAG

NAMES = frozenset(
    ["name", "names", "state", "place", "places", "person", "title", "organisation", "office", "role"]
)
"""Placeholders of names and titles, which stand in the nominative."""

WITH_CASES = frozenset({"ru", "uk", "kk"})
"""Languages that inflect names, and months too."""

END_IN_A_STOP = {"ru": {"day", "later", "month", "date", "when"}, "uk": {"day", "later", "month"}}
"""Placeholders whose text ends in an abbreviation: "8 марта 2021 г."."""

QUOTES = {"fr": "«»", "de": "„“", "it": "«»", "es": "«»", "ru": "«»", "uk": "«»", "kk": "«»"}

INNER_QUOTES = {"fr": "“”", "de": "‚‘", "it": "“”", "es": "“”", "ru": "„“", "uk": "„“", "kk": "„“"}
"""Quotation marks inside others."""

NEVER_BEFORE_A_NAME = {
    "de": """am an auf aus bei beim das dem den der des die durch für gegen im in mit nach ohne seit über um
        unter vom von vor zu zum zur""",
    "fr": "à au aux avec chez contre dans de depuis des du en entre la le les par pour sans sous sur vers",
    "it": """a ad ai al alla alle allo con contro da dai dal dalla dalle dallo dei del della delle dello di
        gli i il in la le lo nei nel nella per su sul sulla tra""",
    "es": "a al ante con contra de del desde el en entre hacia la las los para por según sin sobre",
    "ru": "без в во для до за из к ко на о об от по под при про с со у через",
    "uk": "без в від для до за з зі із к на о об по під при про у через",
}
"""Prepositions and articles: what follows them would have to be inflected, or would need an article."""

NOMINATIVE_AFTER = {("organisation", "ru"): {"сообщает"}, ("month", "ru"): {"на"}, ("month", "uk"): {"на"}}
"""Words that a placeholder may follow: it is the verb's subject, or its accusative is its nominative."""

NEVER_AFTER_A_PLACEHOLDER = {"kk": "бастап бері бірге бұрын дейін кейін қарай сәйкес соң шейін"}
"""Postpositions that ask for an ending on the word before them."""

_BEFORE_A_NAME = re.compile(r"(?:^|[:(\[«„“—–/,;.?!…]|- )\s*$")
"""What stands before a name that nothing inflects, in languages with cases."""

_FOREIGN = {
    "ru": re.compile(r"[іїєґўәғқңөұүһ]", re.IGNORECASE),
    "uk": re.compile(r"[ыэъёәғқңөұүһ]", re.IGNORECASE),
    "kk": re.compile(r"[їєґ]", re.IGNORECASE),
}
"""Letters that the language does not have, though its alphabet looks the same."""

_WORD = re.compile(r"[^\W\d_]+")
_LATIN, _CYRILLIC = re.compile(r"[A-Za-z]"), re.compile(r"[Ѐ-ӿ]")
_CLOSING = re.compile(r"[\s»“”’)\]]+$")
_ABBREVIATED = re.compile(r"(?:\b[^\W\d]{1,4}\.)$")


def plain(text: str) -> str:
    """Return *text* without HTML tags."""
    return TAG.sub("", text)


def faults(text: str, code: str) -> Iterator[str]:
    """Yield what is wrong in a *text* of the language *code*, with or without placeholders."""
    text = plain(text)
    for pattern, what in (
        (r"[\"']", "a straight quotation mark or apostrophe"),
        (r"[ \u00a0\u202f]{2}", "two spaces in a row"),
        (r"\.\.\.", "three dots in place of …"),
        (r"\s-\s", "a hyphen in place of a dash"),
        (r" [,.;:!?](?=\s|$)", "a space before punctuation"),
        (r"[(«„] | [)»]", "a space inside brackets or quotation marks"),
    ):
        if re.search(pattern, text):
            yield what
    yield from _quote_faults(text, code)
    if code == "fr":
        yield from _french_space_faults(text)
    yield from _letter_faults(text, code)


def _quote_faults(text: str, code: str) -> Iterator[str]:
    (opening, closing), (inner_opening, inner_closing) = QUOTES[code], INNER_QUOTES[code]
    depth: list[str] = []
    for mark in re.findall(r"[«»„“”‚‘]", text):
        if mark == opening and not depth:
            depth.append(closing)
        elif mark == inner_opening and depth == [closing]:
            depth.append(inner_closing)
        elif depth and mark == depth[-1]:
            depth.pop()
        else:
            yield f"the quotation mark {mark}: this language writes {opening}…{closing}"
            return
    if depth:
        yield "an unclosed quotation"


def _french_space_faults(text: str) -> Iterator[str]:
    space = "\u00a0\u202f"
    # Not in times, numbers and addresses, which have no space behind it either.
    if re.search(rf"[^{space}\s?!][:;!?](?=\s|$)", text) or re.search(rf"[^{space}]»", text):
        yield "no no-break space before : ; ! ? »"
    if re.search(rf"«[^{space}]", text):
        yield "no no-break space after «"


def _letter_faults(text: str, code: str) -> Iterator[str]:
    text = PLACEHOLDER.sub(" ", text)
    if any(_LATIN.search(word) and _CYRILLIC.search(word) for word in _WORD.findall(text)):
        yield "a word with Latin and Cyrillic letters"
    if code in _FOREIGN and _FOREIGN[code].search(text):
        yield "a letter that the language does not have"


def name_faults(text: str, code: str) -> Iterator[str]:
    """Yield which placeholders of a translation would have to be inflected."""
    text = plain(text)
    for found in PLACEHOLDER.finditer(text):
        before, behind = text[: found.start()], text[found.end() :]
        if re.match(r"[^\W\d_]", behind) or (code != "de" and re.match(r"[-‑’][^\W\d_]", behind)):
            yield f"an ending on {found.group()}"
        if before.endswith("’") and re.search(r"[^\W\d_]’$", before):
            yield f"an elided word before {found.group()}"
        word = re.match(r"\s([^\W\d_]+)", behind)
        if word and word[1] in _words(NEVER_AFTER_A_PLACEHOLDER, code):
            yield f"“{word[1]}” after {found.group()}"
        if found.group(1) in END_IN_A_STOP.get(code, ()) and behind.startswith("."):
            yield f"a second full stop after {found.group()}"
        if _is_name(found.group(1), code) and (problem := _problem_before_name(found.group(1), before, code)):
            yield f"{problem} before {found.group()}"


def _is_name(placeholder: str, code: str) -> bool:
    return placeholder in NAMES or (placeholder == "month" and code in WITH_CASES)


def _words(words: dict[str, str], code: str) -> list[str]:
    return words.get(code, "").split()


def _problem_before_name(placeholder: str, before: str, code: str) -> str:
    found = re.search(r"([^\W\d_]+)\s$", before)
    word = found[1].lower() if found else ""
    if word in NOMINATIVE_AFTER.get((placeholder, code), ()):
        return ""
    if word in _words(NEVER_BEFORE_A_NAME, code):
        return f"“{word}”"
    if code in WITH_CASES and not _BEFORE_A_NAME.search(before):
        return "no colon, bracket, comma or dash"
    return ""


def differs_in_shape(english: str, text: str) -> Iterator[str]:
    """Yield which end or beginning of a translation is not like its English's."""
    english, text = plain(english), plain(text)
    if _end(english) != _end(text) and not _may_differ(english, text):
        yield f"ends with “{_end(text)}”, the English with “{_end(english)}”"
    if english[:1].isupper() and text[:1].islower():
        yield "begins with a small letter, the English with a capital"
    if [text[:1].isspace(), text[-1:].isspace()] != [english[:1].isspace(), english[-1:].isspace()]:
        yield "white space at an end"


def _may_differ(english: str, text: str) -> bool:
    """Whether a sentence became a label with its value, an end is an abbreviation, or a letter opens here."""
    if (english[-1:], text[-1:]) == (",", ":"):
        return True
    if _end(english) == ".":
        return english.startswith("No.") or PLACEHOLDER.sub("", text).endswith((": ", " "))
    return not _end(english) and _ABBREVIATED.search(text) is not None


def _end(text: str) -> str:
    bare = _CLOSING.sub("", text)
    return bare[-1:] if bare[-1:] in set(".:?!…") else ""
