"""Static files under fingerprinted names, kept by browsers for a year."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, Response, abort, send_from_directory, url_for

FINGERPRINT_CHARACTERS = 12

FOR_A_YEAR = "public, max-age=31536000, immutable"


def init_app(app: Flask, folder: Path) -> None:
    """Serve *folder* at ``/static/<fingerprint>/<path>``, and give templates ``asset(path)``."""

    @cache
    def digest(path: str) -> str:
        try:
            content = (folder / path).read_bytes()
        except OSError as error:
            raise LookupError(f"there is no static file {path}") from error
        return hashlib.sha256(content).hexdigest()[:FINGERPRINT_CHARACTERS]

    def asset(path: str) -> str:
        return url_for("asset", fingerprint=digest(path), path=path)

    @app.get("/static/<fingerprint>/<path:path>", endpoint="asset")
    def serve(fingerprint: str, path: str) -> Response:
        # An old page's fingerprint still gets the file of today: better than a bare page.
        if len(fingerprint) != FINGERPRINT_CHARACTERS:
            abort(404)
        response = send_from_directory(folder, path)
        try:
            is_current = fingerprint == digest(path)
        except LookupError:
            is_current = False
        # During an upgrade an old server may be asked for a new file: that answer must not be kept.
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if is_current else "no-cache"
        )
        return response

    app.jinja_env.globals["asset"] = asset
