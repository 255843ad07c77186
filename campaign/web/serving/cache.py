"""Public pages answered from memory: rendered once for what they show, with an ETag and a packed body.

A page is kept until a count that it shows changes, and no longer than its moment ("as of") may lie
back. Only what is the same for everyone is kept: no private page, no answer to a post, no error. It is
kept by its path alone, of which there are as many as there are such pages: whatever else a visitor
may vary (the port in a host's name, what follows a question mark) makes no second copy of any.
"""

import gzip
import hashlib
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, g, request
from werkzeug.datastructures import Accept, Headers
from werkzeug.http import parse_accept_header
from werkzeug.sansio.utils import host_is_trusted

from campaign.reference.participating_state import ParticipatingState
from campaign.web.serving.request_timing import AT_ONCE, ENDPOINT
from campaign.web.snapshot import Snapshot, SnapshotCache

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

COUNTED = frozenset(
    {
        "progress.counts",
        "progress.embed",
        "supporter.check_your_mail",
        "supporter.home",
        "supporter.letter",
        "supporter.letter_pdf",
        "supporter.letter_text",
        "supporter.person",
        "supporter.privacy",
    }
)
"""The views whose pages are the same for everyone, and show nothing from the database but a snapshot."""

MOMENTARY = frozenset({"progress.progress"})
"""The views whose pages are the same for everyone, and show more: they hold as long as one snapshot does."""

LONGEST = timedelta(seconds=20)
"""How far a page's moment may lie back while its counts still hold."""

MOST_PAGES = 2_000
"""Four for each state in eight languages, and some; each takes about 30 KB."""

LONGEST_HOST = 300
"""A name has 253 characters at most, and then comes a port."""

# Browsers always ask whether their copy still holds; a shared cache may answer for a second.
CACHE_CONTROL = "public, max-age=0, s-maxage=1"


@dataclass(frozen=True)
class Page:
    """A rendered page, and what it shows."""

    body: bytes
    headers: tuple[tuple[str, str], ...]
    """Those that do not depend on how the page is packed."""
    state: ParticipatingState | None
    """The one whose count it shows; ``None`` for all of them."""
    snapshot: Snapshot
    endpoint: str
    is_momentary: bool = False
    """Whether it shows more than the snapshot, and something else for another query."""

    @cached_property
    def packed(self) -> bytes:
        """The body as browsers like it."""
        return gzip.compress(self.body, mtime=0)

    @cached_property
    def etag(self) -> str:
        """What a browser recognises the page by, packed or not."""
        return f'"{hashlib.blake2b(self.body, digest_size=12).hexdigest()}"'

    def holds(self, now: Snapshot) -> bool:
        """Whether it could have been rendered *now*, but for its moment."""
        before = self.snapshot
        if before is now:
            return True
        return not self.is_momentary and (
            timedelta() <= now.as_of - before.as_of < LONGEST
            and now.as_of.date() == before.as_of.date()  # the campaign may have closed at midnight
            and now.organisation == before.organisation
            and now.erased_on == before.erased_on
            and now.safety == before.safety
            and self._counts(now) == self._counts(before)
        )

    def answer(self, environ: "WSGIEnvironment") -> tuple[str, list[tuple[str, str]], bytes]:
        """Return status, headers and body for whoever asks with *environ*."""
        headers = [*self.headers, ("ETag", f"W/{self.etag}")]
        if self.etag in environ.get("HTTP_IF_NONE_MATCH", ""):
            return "304 NOT MODIFIED", headers, b""
        body = self.body
        if _takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")[:200]):
            body = self.packed
            headers.append(("Content-Encoding", "gzip"))
        headers.append(("Content-Length", str(len(body))))
        return "200 OK", headers, b"" if environ["REQUEST_METHOD"] == "HEAD" else body

    def answers(self, environ: "WSGIEnvironment") -> bool:
        """Whether it is what *environ* asks for, apart from what moved meanwhile."""
        is_read = environ["REQUEST_METHOD"] in {"GET", "HEAD"}
        return is_read and not (self.is_momentary and environ.get("QUERY_STRING"))

    def _counts(self, snapshot: Snapshot) -> object:
        return snapshot.by_state.get(self.state.code) if self.state else snapshot.by_state


class PageCache:
    """Stands before the application, and asks it only for what is not in memory."""

    def __init__(
        self, application: "WSGIApplication", snapshots: SnapshotCache, hosts: Collection[str]
    ) -> None:
        self._application = application
        self._snapshots = snapshots
        self._is_ours = lru_cache(maxsize=256)(partial(host_is_trusted, trusted_list=hosts))
        self._lock = threading.Lock()
        self._pages: dict[str, Page] = {}

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer from memory, or let the application answer."""
        # Without what follows a question mark: most pages read none of it, and shared links carry marks.
        page = self._pages.get(environ["PATH_INFO"])
        host = environ.get("HTTP_HOST", "")[:LONGEST_HOST]
        if page is not None and page.answers(environ) and self._is_ours(host):
            now = self._snapshots.current_or_none()
            if now is not None and page.holds(now):
                if page.endpoint not in AT_ONCE:
                    environ[ENDPOINT] = page.endpoint  # from memory or not, it is not told at once
                status, headers, body = page.answer(environ)
                start_response(status, headers)
                return [body]
        return self._application(environ, start_response)

    def keep(self, path: str, page: Page) -> None:
        """Answer with *page* from now on; where there is no room, the one kept for longest makes some."""
        with self._lock:
            self._pages.pop(path, None)
            if len(self._pages) >= MOST_PAGES:
                del self._pages[next(iter(self._pages))]
            self._pages[path] = page


def init_app(app: Flask, snapshots: SnapshotCache) -> None:
    """Keep the public pages of *app*; what else is done to answers must be added after this."""
    cache = PageCache(app.wsgi_app, snapshots, app.config["TRUSTED_HOSTS"])
    app.wsgi_app = cache  # type: ignore[method-assign]

    @app.before_request
    def look() -> None:
        is_momentary = request.endpoint in MOMENTARY and not request.query_string
        if request.method == "GET" and (request.endpoint in COUNTED or is_momentary):
            g.snapshot = snapshots.current_or_none()

    @app.after_request
    def keep(response: Response) -> Response:
        before: Snapshot | None = g.get("snapshot")
        if response.status_code != 200 or before is None:
            return response
        is_momentary = request.endpoint in MOMENTARY
        page = Page(
            response.get_data(),
            _common(response.headers),
            _state(),
            before,
            request.endpoint or "",
            is_momentary,
        )
        after = snapshots.current_or_none()
        if after is None or not page.holds(after):
            return response  # a count moved meanwhile, and nobody knows which one the page shows
        cache.keep(request.environ["PATH_INFO"], page)
        status, headers, body = page.answer(request.environ)
        return Response(body, status, Headers(headers))


def _state() -> ParticipatingState | None:
    arguments: dict[str, Any] = request.view_args or {}
    return arguments.get("state")


def _common(headers: Headers) -> tuple[tuple[str, str], ...]:
    own = Headers(headers)
    own.remove("Content-Length")
    if own["Cache-Control"] == "no-cache":  # what a view has not said otherwise
        own["Cache-Control"] = CACHE_CONTROL
    own["Vary"] = "Accept-Encoding"
    return tuple(own)


@lru_cache(maxsize=256)
def _takes_gzip(header: str) -> bool:
    return bool(parse_accept_header(header, Accept)["gzip"] > 0)
