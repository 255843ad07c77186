"""Security and cache headers of every response, and the check of where a supporter's post comes from."""

from functools import cache
from urllib.parse import urlsplit

from flask import Flask, Response, abort, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.routing import RequestRedirect

from campaign.settings import Settings
from campaign.web.site import site

POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}

NO_FRAMES = "frame-ancestors 'none'"

PRIVATE_PATHS = ("/organise", "/healthz", "/metrics")


@cache
def content_security_policy(*, may_be_framed: bool = False) -> str:
    """Return the policy of a page; only the embedded card may be framed by other sites."""
    policy = POLICY | ({"frame-ancestors": "*"} if may_be_framed else {})
    return "; ".join(f"{name} {value}" for name, value in policy.items())


def forbid_foreign_posts() -> None:
    """Refuse a post from another site.

    Supporters' forms have no cookie, so a CSRF token could not be compared. Instead browsers send
    where a post comes from. A client that sends neither header is not a browser that another site controls.
    """
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    fetched_from, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if fetched_from in {"same-origin", "none"} or (fetched_from is None and origin is None):
        return
    if origin is not None and fetched_from in {None, "same-origin"} and _is_ours(origin):
        return
    abort(403)


def _is_ours(origin: str) -> bool:
    return origin in {site().settings.base_url, f"{request.scheme}://{request.host}"}


def init_app(app: Flask, settings: Settings) -> None:
    """Add the headers to every response of *app*."""
    app.before_request(_lead_on)

    @app.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", content_security_policy())
        if NO_FRAMES in headers["Content-Security-Policy"]:
            headers["X-Frame-Options"] = "DENY"  # for browsers that ignore frame-ancestors
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), browsing-topics=()"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if settings.is_secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        # The response to a form may repeat what was typed.
        is_private = request.method == "POST" or request.path.startswith(PRIVATE_PATHS)
        # A redirect may repeat a private link. 304 keeps the header of the page that it stands for.
        if is_private or (response.status_code >= 300 and response.status_code != 304):
            headers["Cache-Control"] = "no-store"
        headers.setdefault("Cache-Control", "no-cache")
        if headers["Cache-Control"] == "no-store":
            # Otherwise nginx writes what a slow reader has not fetched yet to a file, a list of names too.
            headers["X-Accel-Buffering"] = "no"
        return response


def _lead_on() -> ResponseReturnValue | None:
    """Redirect to the address with single slashes, without the host and scheme that Flask would name."""
    error = request.routing_exception
    if not isinstance(error, RequestRedirect):
        return None
    url = urlsplit(error.new_url)
    target = f"/{url.path.lstrip('/')}"
    return redirect(f"{target}?{url.query}" if url.query else target, error.code)


def hosts(settings: Settings) -> list[str]:
    """Return the host names that the site answers to: its own, and this machine's for health checks."""
    return [urlsplit(settings.base_url).hostname or "localhost", "localhost", "127.0.0.1"]
