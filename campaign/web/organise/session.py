"""The organiser's session behind a request."""

import time
from typing import cast

from flask import g
from flask import session as cookie

from campaign.errors import WrongKeyError
from campaign.organiser import session as organiser_session
from campaign.organiser.account import Unlocked
from campaign.signature.key_change import reseal_some
from campaign.web.site import now, session, site

RESEALING_SECONDS = 20
"""How long a request may spend on resealing; the next login goes on."""


def unlocked() -> Unlocked:
    """Return the organiser who is logged in."""
    return cast("Unlocked", g.unlocked)


def enter(opened: Unlocked) -> None:
    """Begin a session; the caller commits."""
    cookie.clear()
    cookie["unlock"] = organiser_session.start(session(), opened, keys=site().keys, now=now())
    g.unlocked = opened


def reseal(opened: Unlocked) -> None:
    """Move what is sealed to earlier pairs; every batch is on disk before the next."""
    deadline = time.monotonic() + RESEALING_SECONDS
    while opened.private_key is not None and time.monotonic() < deadline:
        with site().database.writing() as db:
            if reseal_some(db, opened.campaign_private_key) == 0:
                return


def _resumed() -> Unlocked | None:
    secret = cookie.get("unlock")
    if not secret:
        return None
    with site().database.reading() as db:
        try:
            resumed, is_due = organiser_session.resume(db, secret, keys=site().keys, now=now())
        except WrongKeyError:
            cookie.clear()
            return None
    if is_due:
        with site().database.writing() as db:
            organiser_session.record_use(db, secret, now=now())
    return resumed
