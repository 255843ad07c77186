"""The cookie of a browser that logged in before: it opens nothing, and has a budget of its own.

So that strangers' guesses never keep an organiser waiting at her own computer. The cookie is random, with
a mark that only the server can compare with a name: it tells a thief neither whose it is nor since when.
"""

import hmac
import secrets
from datetime import datetime

from campaign.organiser import name as names

PERIOD_DAYS = 90
"""A mark is good in the period in which it was made, and in the next one."""


def new_cookie(key: bytes, name: str, *, now: datetime) -> str:
    """Return a cookie for the account with *name*, made with the server's *key* for cookies."""
    nonce = secrets.token_urlsafe(16)
    return f"{nonce}.{_mark(key, nonce, name, _period(now))}"


def is_known(key: bytes, cookie: str, name: str, *, now: datetime) -> bool:
    """Whether *cookie* was given at a login with *name*; whether an account has the name does not matter."""
    nonce, _, mark = cookie.partition(".")
    present = _period(now)
    marks = (_mark(key, nonce, name, period) for period in (present, present - 1))
    return any(hmac.compare_digest(mark.encode(errors="replace"), each.encode()) for each in marks)


def _period(now: datetime) -> int:
    return now.date().toordinal() // PERIOD_DAYS


def _mark(key: bytes, nonce: str, name: str, period: int) -> str:
    signed = f"known browser\0{nonce}\0{period}\0{names.fold(name)}"
    return hmac.digest(key, signed.encode(errors="replace"), "sha256").hex()
