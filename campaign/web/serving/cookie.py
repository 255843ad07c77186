"""Cookies, on organisers' pages alone; supporters' pages neither read nor set one."""

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from campaign.web.site import site

PATH = "/organise"


def cookie_name(name: str) -> str:
    """Return the name of a cookie for :data:`PATH`; behind TLS, with a prefix that no plain HTTP can set."""
    return f"__Secure-{name}" if site().settings.is_secure else name


class OrganiserCookie(SecureCookieSessionInterface):
    """Flask's signed session cookie, on organisers' pages alone."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the cookie's session; on other pages ``None``, so that storing anything in it fails."""
        return super().open_session(app, request) if request.path.startswith(PATH) else None
