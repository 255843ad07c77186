"""Forms that wait for a passphrase: a page carries what was typed, and the form's view gets it after that.

The page contains only what the same browser has just posted, and no passphrase or one-time code.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Response, current_app, g, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from campaign.errors import RoleError
from campaign.web.organise import reauthentication
from campaign.web.organise.permission import allows
from campaign.web.organise.session import WHO, unlocked

TYPED = "typed."
"""Precedes the names of the carried fields, which may be those of the page that carries them."""

_NEVER_CARRIED = frozenset({"csrf_token", "code", "secret"})


@dataclass(frozen=True)
class CarriedForm:
    """A request that waits: its path, and the fields of a posted form."""

    target: str
    method: str = "POST"
    typed: list[tuple[str, str]] = field(default_factory=list, repr=False)
    has_file: bool = False
    """A file was chosen, which no page can carry."""

    @property
    def is_form(self) -> bool:
        """Whether a form waits, and not a page or file."""
        return self.method == "POST"

    def hidden_fields(self) -> list[tuple[str, str]]:
        """Return names and values for hidden fields."""
        file = [("has_file", "y")] if self.has_file else []
        typed = [(f"{TYPED}{name}", text) for name, text in self.typed]
        return [("target", self.target), ("method", self.method), *file, *typed]


def of_this_request() -> CarriedForm:
    """Return this request, to be carried; never its passphrases."""
    typed = [(name, text) for name, text in request.form.items(multi=True) if _may_be_carried(name)]
    has_file = any(file.filename for file in request.files.values())
    method = "POST" if request.method == "POST" else "GET"
    return CarriedForm(request.path, method, typed, has_file)


def brought_by_this_request() -> CarriedForm | None:
    """Return what the posted page carried, or what its address names, if a passphrase may lead to it."""
    target = request.form.get("target", "")
    if request.endpoint == "organise.again":
        target = request.args.get("target", "")
    # A browser in which nobody logged in has nothing that waits.
    if not target or WHO not in cookie:
        return None
    typed = [
        (name.removeprefix(TYPED), text)
        for name, text in request.form.items(multi=True)
        if name.startswith(TYPED) and _may_be_carried(name.removeprefix(TYPED))
    ]
    method = "POST" if request.form.get("method") == "POST" else "GET"
    waiting = CarriedForm(target, method, typed, bool(request.form.get("has_file")))
    return waiting if match(waiting) else None


def carried() -> CarriedForm | None:
    """Return what waits for the passphrase that this request's page asks for."""
    if "carried" not in g:
        g.carried = brought_by_this_request()
    return g.carried  # type: ignore[no-any-return]


def proceed(waiting: CarriedForm | None) -> ResponseReturnValue:
    """Answer the request that waited; without one, or with one that is none of ours, show the overview.

    Raises:
        RoleError: It is not for this organiser's role.
    """
    found = match(waiting) if waiting else None
    if waiting is None or found is None:
        return redirect(url_for("organise.dashboard"), 303)
    endpoint, arguments = found
    if not allows(unlocked().role, endpoint):
        raise RoleError("the role does not allow what waited for the passphrase")
    if waiting.is_form:
        return call_view(endpoint, arguments, MultiDict(waiting.typed))
    url = url_for(endpoint, **arguments)
    if endpoint in reauthentication.PAGES_WITH_NAMES:
        query = urlencode(parse_qsl(urlsplit(waiting.target).query))
        return redirect(f"{url}?{query}" if query else url, 303)
    return render_template("organise/download.html", url=url), 200, {"Refresh": f"0; url={url}"}


def call_view(endpoint: str, arguments: dict[str, Any], typed: MultiDict[str, str]) -> Response:
    """Return the answer of *endpoint* to the form *typed*, whose token was checked with this request's."""
    request.url_rule = next(current_app.url_map.iter_rules(endpoint))
    request.view_args = arguments
    request.form = ImmutableMultiDict(typed)
    for file in request.files.values():
        file.close()
    request.files = ImmutableMultiDict()
    return current_app.make_response(current_app.view_functions[endpoint](**arguments))  # type: ignore[arg-type]


def can_be_repeated(endpoint: str | None, *, method: str | None = None) -> bool:
    """Whether *endpoint* may be continued with after a passphrase: a form, or a file or page that asks."""
    if (method or request.method) != "POST":
        return endpoint in reauthentication.ASKS.keys() | reauthentication.PAGES_WITH_NAMES.keys()
    return endpoint in reauthentication.ASKS.keys() | reauthentication.HARMLESS.keys() - {"organise.logout"}


def match(waiting: CarriedForm) -> tuple[str, dict[str, Any]] | None:
    """Return endpoint and arguments of an organisers' form, or of a file or page that asks."""
    adapter = current_app.url_map.bind_to_environ(request.environ)
    try:
        endpoint, arguments = adapter.match(urlsplit(waiting.target).path, method=waiting.method)
    except (HTTPException, RequestRedirect):
        return None
    if not can_be_repeated(endpoint, method=waiting.method):
        return None
    return endpoint, dict(arguments)


def _may_be_carried(name: str) -> bool:
    return name not in _NEVER_CARRIED and "passphrase" not in name
