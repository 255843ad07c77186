"""Lead on from addresses with something stuck to them, as mail programs, editors and hands leave them.

A private link leads on within its own path, so that its token comes to no other place.
"""

import re
import unicodedata
from urllib.parse import urlsplit

from flask import current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from campaign.reference.normal_form import normal_form
from campaign.reference.participating_state import state_named
from campaign.web.serving.language import preferred_language

LONGEST_PATH = 500
"""Characters; ours have fewer than a hundred."""

_INVISIBLE = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}
"""Unicode's categories of control and formatting characters and of white space."""

_STUCK = re.compile(
    r"(?<![\W_])"  # from the first of them: the time must not grow with the square of their number
    r"(?:[^\w]|_"  # punctuation, brackets, quotation marks, slashes
    r"|=[0-9A-F]{2}"  # of quoted-printable
    r"|&(?:amp|apos|gt|lt|nbsp|quot|#\d+))+$"  # of HTML
)


def lead_on() -> ResponseReturnValue | None:
    """Return a redirect to the page that the request's address means, or ``None`` if it means none."""
    if request.method not in {"GET", "HEAD"} or len(request.path) > LONGEST_PATH:
        return None
    path = without_what_sticks(request.path)
    for each in [path, path.lower(), _with_state_code(path.lower())]:
        target = _url(each)
        if target not in {"", request.path}:
            return _redirect(target, 301)
    target = _url(f"/{preferred_language().code}{path.lower()}")
    return _redirect(target, 302) if target else None


def without_what_sticks(path: str) -> str:
    """Return *path* without invisible characters and without what follows its last letter or digit."""
    visible = (each for each in normal_form("NFKC", path) if _is_visible(each))
    return _STUCK.sub("", "".join(visible)) or "/"


def _is_visible(character: str) -> bool:
    # The replacement character stands for bytes that are no UTF-8, such as a space of Latin-1.
    return unicodedata.category(character) not in _INVISIBLE and character != "\ufffd"


def _with_state_code(path: str) -> str:
    """Return *path* with the code of the State that it names, as in ``/en/letters/germany``."""
    found = re.fullmatch(r"(/[a-z]{2}/letters/)([^/.]+)", path)
    state = state_named(found[2].replace("-", " ")) if found else None
    return f"{found[1]}{state.code}" if found and state else path


def _redirect(target: str, status: int) -> ResponseReturnValue:
    query = request.query_string.decode("ascii", "ignore")
    return redirect(f"{target}?{query}" if query else target, status)


def _url(path: str) -> str:
    """Return the address of the page at *path*; empty if there is none."""
    adapter = current_app.create_url_adapter(request)
    assert adapter is not None
    try:
        endpoint, values = adapter.match(path, method="GET")
    except RequestRedirect as redirected:  # as from /en to /en/, and from /xx to /xx/ too
        slashed = "/" + urlsplit(redirected.new_url).path.lstrip("/")
        return _url(slashed) if slashed != path else ""
    except HTTPException:
        return ""
    return "" if endpoint == "asset" else url_for(endpoint, **values)
