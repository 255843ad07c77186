"""The one cookie: organisers have it, and supporters' pages neither read nor set any."""

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

BEHIND = "/organise"


class OrganiserCookie(SecureCookieSessionInterface):
    """Flask's signed cookie, behind the organisers' door alone."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return what the cookie holds; ``None`` elsewhere, and there an attempt to keep anything fails."""
        return super().open_session(app, request) if request.path.startswith(BEHIND) else None
