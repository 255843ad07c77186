"""What people and programs may type or send: any Unicode, and what breaks other software."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote_from_bytes

from hypothesis import given, settings
from hypothesis import strategies as st

MARK = "Zqvxkjw"
"""Stands in much of what is drawn here, so that it would be recognised wherever it is written."""

NASTY = (
    "\0\x01\x08\t\x0b\x1b\x7f\x85\r\n"  # control characters and line ends
    "\u2028\u2029\u00a0\u3000"  # other line ends and blanks
    "\u202a\u202e\u2066\u2069\u200e\u061c"  # what turns the direction of writing
    "\u200b\u200c\u200d\u00ad\ufeff\u2060\U000e0041"  # what nobody sees
    "\u0301\u0336\u20dd"  # marks on nothing
    "\ufffd\ufffe\uffff\U0010ffff"  # no characters
    "\u0130\u0131ßſﬀΣς\u1e9e"  # letters that change their number with their case
    "=+-@＝−;,'\"<>&%{}$\\/|#`"  # signs that mean something to a spreadsheet, a page or a shell
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
"""Any characters that UTF-8 can write."""

nasty_text = st.text(st.sampled_from(NASTY), max_size=20)

long_text = st.builds(
    lambda text, size: text * (size // len(text)),
    st.text(min_size=1, max_size=3),
    st.sampled_from([100, 300, 1_501, 8_000]),
)

broken_text = st.text(st.characters(), max_size=20)
"""Halves of surrogate pairs among it, which no encoding writes."""

typed = st.one_of(any_text, nasty_text, st.sampled_from(PHRASES), long_text).flatmap(
    lambda text: st.sampled_from([text, MARK + text, f"{MARK} {text}", text + MARK])
)
"""What may be typed into a field."""

raw = st.one_of(typed.map(str.encode), broken_text.map(lambda text: text.encode("utf-8", "surrogatepass")))
"""What may arrive for it: also bytes that are no UTF-8."""

header_text = st.one_of(
    st.text(st.characters(max_codepoint=255), max_size=60),
    typed.map(lambda text: text.encode().decode("latin-1")),
    st.sampled_from(["*", ";q=", "en;q=9e999", "a,b;q=x,", "W/", '"', "gzip;q=nan", "[::1", "localhost:x"]),
)
"""What may stand in a header: WSGI's strings, one character a byte."""


def encoded(form: list[tuple[str, bytes]]) -> str:
    """Return *form* as a browser writes it into a body or an address."""
    return "&".join(f"{quote_from_bytes(name.encode())}={quote_from_bytes(value)}" for name, value in form)


def for_any(strategy: st.SearchStrategy[Any], hold: Callable[[Any], None], *, share: float = 0.4) -> None:
    """Have *hold* look at what *strategy* draws, in a *share* of the examples that a whole test has."""

    @settings(max_examples=max(int(settings.default.max_examples * share), 5))
    @given(strategy)
    def run(drawn: Any) -> None:
        hold(drawn)

    run()


def words(function: Callable[[], object], errors: tuple[type[Exception], ...]) -> str:
    """Return what *function* says when it refuses with one of *errors*, or nothing when it does not."""
    try:
        function()
    except errors as error:
        return str(error) or "refused"
    return ""
