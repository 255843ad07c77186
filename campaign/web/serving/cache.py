"""Cache public pages in memory, with an ETag and a compressed body.

A page is cached until the snapshot that it shows changes, as when new figures are published. Only pages
that are the same for everyone are cached: no private page, no answer to a post, no error. The key is the
path alone, so the number of entries is bounded: neither the port in a host's name nor a query string makes
a second copy.
"""

import gzip
import hashlib
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request
from werkzeug.datastructures import Accept, Headers
from werkzeug.http import parse_accept_header
from werkzeug.sansio.utils import host_is_trusted

from campaign.reference.language import LANGUAGES
from campaign.reference.participating_state import STATES
from campaign.web.snapshot import Snapshot, SnapshotCache

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SNAPSHOT_VIEWS = frozenset(
    {
        "supporter.accessibility",
        "supporter.counts",
        "supporter.embed",
        "supporter.check_your_mail",
        "supporter.home",
        "supporter.letter",
        "supporter.letter_pdf",
        "supporter.letter_text",
        "supporter.person",
        "supporter.privacy",
        "supporter.state_names",
    }
)
"""Views whose pages are the same for everyone and show nothing from the database but a snapshot."""

BRIEF_VIEWS = frozenset({"supporter.letter_feed", "supporter.progress", "supporter.updates_feed"})
"""Views whose pages are the same for everyone but show more than a snapshot: cached until the next one."""

MOST_PAGES = (5 * len(STATES) + 15) * len(LANGUAGES)
"""Five for each State, and some more, in each language: 2,400. They take at most 50 MB in a web process, and
that only after somebody opened every one; a third of it are the letters as PDF."""

LONGEST_HOST = 300
"""Characters of a Host header: a name has at most 253, and a port may follow."""

LONGEST_SHARED_SECONDS = 60
"""How long a shared cache may answer by itself, at most: a change of the safety lists must reach readers."""


@dataclass(frozen=True)
class CachedPage:
    """A rendered page, and the snapshot that it shows."""

    body: bytes
    headers: tuple[tuple[str, str], ...]
    """Those that depend neither on compression nor on the time."""
    snapshot: Snapshot
    is_brief: bool = False
    """Whether it is one of :data:`BRIEF_VIEWS`; such a page also depends on the query string."""

    @cached_property
    def compressed(self) -> bytes:
        """The body, compressed with gzip."""
        return gzip.compress(self.body, mtime=0)

    @cached_property
    def is_worth_compressing(self) -> bool:
        """Whether gzip makes it smaller: a PDF is compressed already, and would be kept twice."""
        return ("Content-Type", "application/pdf") not in self.headers

    @cached_property
    def etag(self) -> str:
        """The ETag, the same for the plain and the compressed body."""
        return f'"{hashlib.blake2b(self.body, digest_size=12).hexdigest()}"'

    def is_current(self, now: Snapshot) -> bool:
        """Whether rendering it *now* would change nothing."""
        return self.snapshot is now or (not self.is_brief and self.snapshot == now)

    def response(self, environ: "WSGIEnvironment", now: Snapshot) -> tuple[str, list[tuple[str, str]], bytes]:
        """Return status, headers and body for the request *environ*."""
        # Browsers revalidate their copy each time; a shared cache may answer until the figures could move.
        seconds = 1 if self.is_brief else min(LONGEST_SHARED_SECONDS, now.seconds_to_turn)
        cache_control = f"public, max-age=0, s-maxage={seconds}"
        headers = [*self.headers, ("Cache-Control", cache_control), ("ETag", f"W/{self.etag}")]
        if self.etag in environ.get("HTTP_IF_NONE_MATCH", ""):
            return "304 NOT MODIFIED", headers, b""
        body = self.body
        if self.is_worth_compressing and _accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")[:200]):
            body = self.compressed
            headers.append(("Content-Encoding", "gzip"))
        headers.append(("Content-Length", str(len(body))))
        return "200 OK", headers, b"" if environ["REQUEST_METHOD"] == "HEAD" else body

    def matches(self, environ: "WSGIEnvironment") -> bool:
        """Whether it may answer the request *environ*, if it is current."""
        is_read = environ["REQUEST_METHOD"] in {"GET", "HEAD"}
        return is_read and not (self.is_brief and environ.get("QUERY_STRING"))


class PageCache:
    """WSGI middleware that answers with cached pages, and passes other requests to the application."""

    def __init__(
        self, application: "WSGIApplication", snapshots: SnapshotCache, hosts: Collection[str]
    ) -> None:
        self._application = application
        self._snapshots = snapshots
        self._is_own_host = lru_cache(maxsize=256)(partial(host_is_trusted, trusted_list=hosts))
        self._lock = threading.Lock()
        self._pages: dict[str, CachedPage] = {}

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer with a cached page, or let the application answer."""
        # Without the query string: most pages read none, and shared links carry tracking parameters.
        page = self._pages.get(environ["PATH_INFO"])
        host = environ.get("HTTP_HOST", "")[:LONGEST_HOST]
        if page is not None and page.matches(environ) and self._is_own_host(host):
            now = self._snapshots.current_or_none()
            if now is not None and page.is_current(now):
                status, headers, body = page.response(environ, now)
                start_response(status, headers)
                return [body]
        return self._application(environ, start_response)

    def store(self, path: str, page: CachedPage) -> None:
        """Cache *page*; a full cache drops the page that was stored first."""
        with self._lock:
            self._pages.pop(path, None)
            if len(self._pages) >= MOST_PAGES:
                del self._pages[next(iter(self._pages))]
            self._pages[path] = page


def init_app(app: Flask, snapshots: SnapshotCache) -> None:
    """Cache the public pages of *app*; call it before any other module adds an ``after_request`` function."""
    cache = PageCache(app.wsgi_app, snapshots, app.config["TRUSTED_HOSTS"])
    app.wsgi_app = cache  # type: ignore[method-assign]

    @app.before_request
    def note_snapshot() -> None:
        is_brief = request.endpoint in BRIEF_VIEWS and not request.query_string
        if request.method == "GET" and (request.endpoint in SNAPSHOT_VIEWS or is_brief):
            g.snapshot = snapshots.current_or_none()

    @app.after_request
    def store(response: Response) -> Response:
        before: Snapshot | None = g.get("snapshot")
        if response.status_code != 200 or before is None:
            return response
        page = CachedPage(
            response.get_data(),
            _common(response.headers),
            before,
            is_brief=request.endpoint in BRIEF_VIEWS,
        )
        after = snapshots.current_or_none()
        if after is None or not page.is_current(after):
            return response  # something changed meanwhile, and the page may show either
        cache.store(request.environ["PATH_INFO"], page)
        status, headers, body = page.response(request.environ, after)
        return Response(body, status, Headers(headers))


def _common(headers: Headers) -> tuple[tuple[str, str], ...]:
    own = Headers(headers)
    own.remove("Content-Length")
    own.remove("Cache-Control")
    own["Vary"] = "Accept-Encoding"
    return tuple(own)


@lru_cache(maxsize=256)
def _accepts_gzip(header: str) -> bool:
    return bool(parse_accept_header(header, Accept)["gzip"] > 0)
