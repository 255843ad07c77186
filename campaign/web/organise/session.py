"""The organiser's session of a request."""

from datetime import datetime
from typing import cast

from flask import g
from flask import session as cookie

from campaign.errors import WrongKeyError
from campaign.organiser import altered_box, audit_log
from campaign.organiser import session as organiser_session
from campaign.organiser.account import Unlocked
from campaign.sealing.key_ring import KeyRing
from campaign.sealing.key_ring import key_ring as sealing_key_ring
from campaign.signature.key_change import RESEALED_AT_ONCE, is_unfinished, reseal_some
from campaign.web.site import commit, now, session, site

WHO = "who"
"""The cookie's entry for the organiser whose session it is or was. Its forms' tokens stay valid when the same
organiser logs in again, so that a form that was open meanwhile can still be sent."""


def unlocked() -> Unlocked:
    """Return the logged-in organiser."""
    return cast("Unlocked", g.unlocked)


def key_ring() -> KeyRing:
    """Return the keys of the logged-in organiser, which open every box; one ring for the whole request.

    Raises:
        RoleError: A reader has none.
    """
    if "key_ring" not in g:
        private_key = unlocked().campaign_private_key
        with site().database.reading() as db:
            g.key_ring = sealing_key_ring(db, private_key)
    return cast("KeyRing", g.key_ring)


def altered_boxes() -> int:
    """Return how many boxes this request has found altered so far."""
    return len(g.key_ring.altered) if "key_ring" in g else 0


def shown_names() -> int:
    """Return how many signatures' names the page of this request shows, so far."""
    return g.key_ring.shown if "key_ring" in g else 0


def record_look(page: str, number: int) -> None:
    """Record that the organiser sees *number* names on this kind of page."""
    with site().database.writing() as db:
        audit_log.record_look(db, unlocked().name, page, number, now=now())
        organiser_session.record_names_shown(db, cookie["unlock"], number)


def report_altered(ring: KeyRing, by: str) -> None:
    """Record the altered boxes that *ring* met, in a transaction of its own."""
    if ring.altered:
        with site().database.writing() as db:
            altered_box.record(db, ring.altered, by=by, now=now())


def start_session(opened: Unlocked, *, answered_at: datetime | None = None) -> None:
    """Start a session and set its cookie; the caller commits.

    Args:
        opened: The organiser.
        answered_at: When the organiser gave the passphrase, unless that was now.
    """
    if cookie.get(WHO) != str(opened.id):
        cookie.clear()
    cookie[WHO] = str(opened.id)
    cookie["unlock"] = organiser_session.start(
        session(), opened, keys=site().keys, now=now(), answered_at=answered_at
    )
    g.unlocked, g.answered_at = opened, answered_at or now()
    g.pop("key_ring", None)


def continue_with(opened: Unlocked) -> None:
    """Go on in a new session if the campaign's key was changed, which ended all; commit, and reseal."""
    if opened is not unlocked():
        start_session(opened, answered_at=g.answered_at)
    commit()
    reseal(opened)


def continue_resealing(opened: Unlocked) -> None:
    """Reseal in the background what an interruption left, if anything."""
    background = site().background_reseal
    if opened.private_key is None or background.is_running:
        return
    with site().database.reading() as db:
        if not is_unfinished(db):
            return
    background.start(opened.private_key)


def remember_last_login(previous: datetime | None) -> None:
    """Remember the login before this one until the overview has shown what happened since."""
    if previous is not None:
        cookie["since"] = previous.isoformat(), now().isoformat()


def take_last_login() -> tuple[datetime, datetime] | None:
    """Return the login before this one and this one, once."""
    times = cookie.pop("since", None)
    return (datetime.fromisoformat(times[0]), datetime.fromisoformat(times[1])) if times else None


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
    g.answered_at, g.names_shown = resumed.answered_at, resumed.names_shown
    if resumed.is_use_due:
        with site().database.writing() as db:
            organiser_session.record_use(db, secret, now=now())
    return resumed.unlocked
