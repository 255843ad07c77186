"""Static files under fingerprinted URLs, which browsers cache for a year."""

import gzip
import hashlib
import re
from functools import cache, lru_cache
from pathlib import Path

from flask import Flask, Response, abort, request, send_from_directory, url_for

FINGERPRINT_CHARACTERS = 12

CACHE_FOR_A_YEAR = "public, max-age=31536000, immutable"

STYLE = "campaign.css"

FONTS = "fonts/*.woff2"
"""The fonts that :data:`STYLE` loads."""

_FOR_PEOPLE = {
    ".css": re.compile(rb"""("[^"\n]*")|/\*.*?\*/|(?<=[:,;{}])\s+|\s+(?={)""", re.DOTALL),
    ".js": re.compile(rb"()^(?:\s*//.*$|\s+)", re.MULTILINE),
}
"""What only people read in our own style sheets and scripts: comments, and space without a meaning.

The first group is kept, since a string may look like either. Files of others stay whole, with their licences.
"""

MOST_FILES = 32
"""Files that are kept minified and compressed; with fewer than there are, each request would do it again."""

COMPRESSED = (".css", ".js", ".svg")
"""Suffixes of files that gzip makes smaller; fonts and pictures are compressed already."""


def init_app(app: Flask, folder: Path) -> None:
    """Serve *folder* at ``/static/<fingerprint>/<path>``, and give templates ``asset(path)``."""

    @cache
    def digest(path: str) -> str:
        # A style sheet names its fonts relative to itself, so they share one fingerprint.
        is_style = path == STYLE or Path(path).match(FONTS)
        parts = [folder / STYLE, *sorted(folder.glob(FONTS))] if is_style else [folder / path]
        try:
            content = b"".join(part.read_bytes() for part in parts)
        except OSError as error:
            raise LookupError(f"there is no static file {path}") from error
        return hashlib.sha256(content).hexdigest()[:FINGERPRINT_CHARACTERS]

    def asset(path: str) -> str:
        return url_for("asset", fingerprint=digest(path), path=path)

    @app.get("/static/<fingerprint>/<path:path>", endpoint="asset")
    def serve(fingerprint: str, path: str) -> Response:
        # An old page's fingerprint still gets the present file: better than a page without style.
        if len(fingerprint) != FINGERPRINT_CHARACTERS:
            abort(404)
        response = send_from_directory(folder, path)
        try:
            is_current = fingerprint == digest(path)
        except LookupError:
            is_current = False
        # During an upgrade an old server may be asked for a new file: that answer must be revalidated.
        response.headers["Cache-Control"] = CACHE_FOR_A_YEAR if is_current else "no-cache"
        return _compressed(_minified(response, path), path)

    app.jinja_env.globals["asset"] = asset


def _minified(response: Response, path: str) -> Response:
    """Return *response* without what only people read, a fifth of what a phone would load."""
    suffix = Path(path).suffix
    if response.status_code == 200 and "/" not in path and suffix in _FOR_PEOPLE:
        response.direct_passthrough = False
        response.set_data(_minify(response.get_data(), suffix))
    return response


def _compressed(response: Response, path: str) -> Response:
    """Return *response* compressed if that makes it smaller and the browser accepts gzip."""
    if not path.endswith(COMPRESSED):
        return response
    response.vary.add("Accept-Encoding")
    if response.status_code == 200 and request.accept_encodings["gzip"] > 0:
        response.direct_passthrough = False
        response.set_data(_gzip(response.get_data()))
        response.headers["Content-Encoding"] = "gzip"
        response.set_etag(response.get_etag()[0] or "", weak=True)
    return response


@lru_cache(maxsize=MOST_FILES)
def _minify(content: bytes, suffix: str) -> bytes:
    return _FOR_PEOPLE[suffix].sub(rb"\1", content)


@lru_cache(maxsize=MOST_FILES)
def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)
