"""The session cookie, on organisers' pages alone; supporters' pages neither read nor set a cookie."""

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

PATH = "/organise"


class OrganiserCookie(SecureCookieSessionInterface):
    """Flask's signed session cookie, on organisers' pages alone."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the cookie's session; on other pages ``None``, so that storing anything in it fails."""
        return super().open_session(app, request) if request.path.startswith(PATH) else None
