"""Atom feeds (RFC 4287): what happened to the letters, for readers who leave no address."""

from urllib.parse import urlsplit

from flask import Response, render_template, url_for
from flask.typing import ResponseReturnValue

from campaign.delivery import history
from campaign.delivery.history import Event
from campaign.reference.language import Language
from campaign.reference.participating_state import STATES, ParticipatingState
from campaign.web.site import now, session, site
from campaign.web.supporter.blueprint import bp

TAGGED_SINCE = "2026"
"""The year in the feeds' tag URIs (RFC 4151); another year would make every entry new to every reader."""


@bp.get("/<language:language>/updates.atom")
def updates_feed(language: Language) -> ResponseReturnValue:
    """Send what happened to all letters."""
    return _feed(language, None)


@bp.get("/<language:language>/letters/<state:state>.atom")
def letter_feed(language: Language, state: ParticipatingState) -> ResponseReturnValue:
    """Send what happened to one letter."""
    return _feed(language, state)


def _feed(language: Language, state: ParticipatingState | None) -> Response:
    base_url = site().settings.base_url
    code = state.code if state else ""
    events = history.events(session(), code, closes_on=site().closes_on, today=now().date())
    as_of = site().snapshots.current().count.as_of
    tag = f"tag:{urlsplit(base_url).hostname},{TAGGED_SINCE}:{language.code}"
    page = render_template(
        "supporter/feed.xml",
        id=f"{tag}/letters/{code}" if state else f"{tag}/updates",
        state=state,
        updated_on=events[0].on if events else as_of.date(),
        closes_on=site().closes_on,
        self_url=base_url + _url(language, state, ".letter_feed", ".updates_feed"),
        page_url=base_url + _url(language, state, ".letter", ".progress"),
        entries=[_entry(each, tag, base_url, language) for each in events],
    )
    return Response(page, mimetype="application/atom+xml")


def _entry(event: Event, tag: str, base_url: str, language: Language) -> dict[str, object]:
    """Return an event with its name, its address and an ID that is the same each time."""
    state = STATES.get(event.state_code)
    parts = (event.state_code or "all", event.kind, event.on.isoformat(), str(event.figure or ""))
    return {
        "id": f"{tag}/{'/'.join(filter(None, parts))}",
        "event": event,
        "state": state,
        "url": base_url + _url(language, state, ".letter", ".progress"),
    }


def _url(language: Language, state: ParticipatingState | None, of_letter: str, of_all: str) -> str:
    if state is None:
        return url_for(of_all, language=language)
    return url_for(of_letter, language=language, state=state)
