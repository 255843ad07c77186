"""The headers of every answer, and where a supporter's post may come from."""

from functools import cache
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request

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

FRAMED_BY_NOBODY = "frame-ancestors 'none'"

PRIVATE = ("/organise", "/healthz", "/metrics")


@cache
def content_security_policy(*, may_be_framed: bool = False) -> str:
    """Return the policy of a page; only the embedded card may stand in other sites' frames."""
    policy = POLICY | ({"frame-ancestors": "*"} if may_be_framed else {})
    return "; ".join(f"{name} {value}" for name, value in policy.items())


def forbid_foreign_posts() -> None:
    """Refuse a post from another site.

    Supporters' forms set no cookie and so have no token to compare. Browsers say where a
    post comes from; what says nothing at all is no browser that another site could steer.
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
    """Add the headers to every answer of *app*."""

    @app.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", content_security_policy())
        if FRAMED_BY_NOBODY in headers["Content-Security-Policy"]:
            headers["X-Frame-Options"] = "DENY"  # for browsers that know no policy
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), browsing-topics=()"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if settings.is_secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        # An answer to a form may hold what was typed.
        is_private = request.method == "POST" or request.path.startswith(PRIVATE)
        if is_private or response.status_code >= 400:
            headers["Cache-Control"] = "no-store"
        headers.setdefault("Cache-Control", "no-cache")
        return response


def hosts(settings: Settings) -> list[str]:
    """Return the names under which the site answers: its own, and this machine's for probes."""
    return [urlsplit(settings.base_url).hostname or "localhost", "localhost", "127.0.0.1", "[::1]"]
