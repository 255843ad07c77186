"""The organiser's session of a request."""

from typing import cast

from flask import g
from flask import session as cookie

from campaign.errors import WrongKeyError
from campaign.organiser import session as organiser_session
from campaign.organiser.account import Unlocked
from campaign.signature.key_change import RESEALED_AT_ONCE, reseal_some
from campaign.web.site import now, session, site

WHO = "who"
"""The cookie's entry for the organiser whose session it is or was. Its forms' tokens stay valid when the same
organiser logs in again, so that a form that was open meanwhile can still be sent."""


def unlocked() -> Unlocked:
    """Return the logged-in organiser."""
    return cast("Unlocked", g.unlocked)


def start_session(opened: Unlocked) -> None:
    """Start a session and set its cookie; the caller commits."""
    if cookie.get(WHO) != str(opened.id):
        cookie.clear()
    cookie[WHO] = str(opened.id)
    cookie["unlock"] = organiser_session.start(session(), opened, keys=site().keys, now=now())
    g.unlocked, g.answered_at = opened, now()


def reseal(opened: Unlocked) -> None:
    """Reseal a batch of boxes of earlier key pairs now, and the rest in the background."""
    if opened.private_key is None:
        return
    with site().database.writing() as db:
        resealed = reseal_some(db, opened.private_key)
    if resealed == RESEALED_AT_ONCE:
        site().background_reseal.start(opened.private_key)


def resume_session() -> Unlocked | None:
    """Return the organiser whose cookie came with the request; without a valid session, ``None``."""
    secret = cookie.get("unlock")
    if not secret:
        return None
    with site().database.reading() as db:
        try:
            resumed = organiser_session.resume(db, secret, keys=site().keys, now=now())
        except WrongKeyError:
            cookie.pop("unlock")
            return None
    g.answered_at = resumed.answered_at
    if resumed.is_use_due:
        with site().database.writing() as db:
            organiser_session.record_use(db, secret, now=now())
    return resumed.unlocked
