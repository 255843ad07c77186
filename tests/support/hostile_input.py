"""Strategies for hostile input: any Unicode, and texts that are known to break software."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote_from_bytes
from zlib import crc32

from hypothesis import given, seed, settings
from hypothesis import strategies as st

MARK = "Zqvxkjw"
"""Part of many drawn texts, so that a test finds them in logs and tables."""

NASTY = (
    "\0\x01\x08\t\x0b\x1b\x7f\x85\r\n"  # control characters and line ends
    "\u2028\u2029\u00a0\u3000"  # other line ends and spaces
    "\u202a\u202e\u2066\u2069\u200e\u061c"  # text direction
    "\u200b\u200c\u200d\u00ad\ufeff\u2060\U000e0041"  # invisible characters
    "\u0301\u0336\u20dd"  # combining marks without a base
    "\ufffd\ufffe\uffff\U0010ffff"  # noncharacters
    "\u0130\u0131ßſﬀΣς\u1e9e"  # letters whose upper or lower case has another length
    "=+-@＝−;,'\"<>&%{}$\\/|#`"  # special characters of spreadsheets, HTML and shells
    "Әә王عא한ნ👩‍👩‍👧🏳️"
)

PHRASES = (
    "",
    " ",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "{{ 7*7 }}{% raw %}",
    "%s%n%(name)s{0.__class__}",
    "' OR 1=1 --",
    "../../etc/passwd\0.png",
    "a\r\nBcc: everyone@example.org",
    "null",
    "-1",
    "1e400",
    "9" * 5000,
    "٣",
    "²",
    "NaN",
)

any_text = st.text(max_size=40)
"""Any characters that UTF-8 can encode."""

nasty_text = st.text(st.sampled_from(NASTY), max_size=20)

long_text = st.builds(
    lambda text, size: text * (size // len(text)),
    st.text(min_size=1, max_size=3),
    st.sampled_from([100, 300, 1_501, 8_000]),
)

broken_text = st.text(st.characters(), max_size=20)
"""Includes unpaired surrogates, which UTF-8 cannot encode."""

typed = st.one_of(any_text, nasty_text, st.sampled_from(PHRASES), long_text).flatmap(
    lambda text: st.sampled_from([text, MARK + text, f"{MARK} {text}", text + MARK])
)
"""Text for one field."""

raw = st.one_of(typed.map(str.encode), broken_text.map(lambda text: text.encode("utf-8", "surrogatepass")))
"""Bytes for one field, including invalid UTF-8."""

header_text = st.one_of(
    st.text(st.characters(max_codepoint=255), max_size=60),
    typed.map(lambda text: text.encode().decode("latin-1")),
    st.sampled_from(["*", ";q=", "en;q=9e999", "a,b;q=x,", "W/", '"', "gzip;q=nan", "[::1", "localhost:x"]),
)
"""A header's value as WSGI passes it: one character per byte."""


def encoded(form: list[tuple[str, bytes]]) -> str:
    """Return *form* URL-encoded, as a browser sends it in a body or a query string."""
    return "&".join(f"{quote_from_bytes(name.encode())}={quote_from_bytes(value)}" for name, value in form)


def for_any(
    strategy: st.SearchStrategy[Any], hold: Callable[[Any], None], *, share: float = 0.4, about: str = ""
) -> None:
    """Call *hold* with examples of *strategy*: a *share* of the number that a whole test has.

    Args:
        strategy: What is drawn.
        hold: Called with each example.
        share: Of the number of examples.
        about: Such as an address; each has examples of its own, which are the same in every run.
    """

    @settings(max_examples=int(settings.default.max_examples * share))
    @given(strategy)
    def run(drawn: Any) -> None:
        hold(drawn)

    (seed(crc32(about.encode()))(run) if settings.default.derandomize else run)()


def words(function: Callable[[], object], errors: tuple[type[Exception], ...]) -> str:
    """Return the message of the error, one of *errors*, that *function* raises; empty if it raises none."""
    try:
        function()
    except errors as error:
        return str(error) or "refused"
    return ""
