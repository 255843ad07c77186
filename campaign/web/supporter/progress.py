"""The progress of the campaign: counts, deliveries, replies, and published names."""

from dataclasses import dataclass

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from campaign.delivery import history
from campaign.delivery.history import Record
from campaign.disclosure import published_name
from campaign.disclosure.published_name import Cursor
from campaign.reference.language import Language
from campaign.reference.participating_state import STATES, ParticipatingState, states_in_order
from campaign.reference.sprig import Bloom
from campaign.signature.published_count import PublicCount
from campaign.web.pager import Pager
from campaign.web.site import is_open, session, site
from campaign.web.snapshot import Snapshot
from campaign.web.supporter.blueprint import bp

BY_SIGNATURES = "signatures"
"""Value of ``order`` in the page's address: the most signatures first, and not by name."""


@dataclass(frozen=True)
class Row:
    """What the page says of one letter."""

    state: ParticipatingState
    count: int
    record: Record | None
    """``None`` if the letter was not delivered."""

    @property
    def bloom(self) -> Bloom:
        """What the blossom of this letter shows."""
        is_replied = self.record is not None and self.record.answer is not None
        return Bloom(self.count, self.record is not None, is_replied)


@bp.get("/<language:language>/progress")
def progress(language: Language) -> ResponseReturnValue:
    """Show each state's count and when its delegation was written to and replied, and published names."""
    snapshot = site().snapshots.current()
    figures = snapshot.count
    after = Cursor.unwrap(request.args.get("after", ""), site().keys)
    names = _names(snapshot, after)
    # Old links to a page of names: with a page number, of another server key, or beyond the last name.
    if not {"after", "page"}.isdisjoint(request.args) and (after is None or not names.names):
        return redirect(_names_url(language, None))
    rows, is_by_count = _rows(language, figures), request.args.get("order") == BY_SIGNATURES
    records = [row.record for row in rows if row.record]
    return render_template(
        "supporter/progress.html",
        states=[row.state for row in rows],
        blooms={row.state.code: row.bloom for row in rows},
        rows=sorted(rows, key=lambda row: -row.count) if is_by_count else rows,
        is_by_count=is_by_count,
        total=figures.total,
        delivered=len(records),
        replied=sum(1 for record in records if record.answer),
        largest=max([1, *figures.by_state.values()]),
        as_of=figures.as_of,
        settings=site().settings,
        is_open=is_open(),
        card=_card(language),
        names=[{"name": name, "state": STATES[code]} for name, code in names.names],
        pages=Pager(
            newer_url=_names_url(language, names.before) if after else "",
            older_url=_names_url(language, names.after) if names.after else "",
        ),
    )


def _rows(language: Language, figures: PublicCount) -> list[Row]:
    """Return a table row for each state, in the order of *language*."""
    records = history.records(session())
    return [
        Row(state, figures.by_state.get(state.code, 0), records.get(state.code))
        for state in states_in_order(language)
    ]


def _card(language: Language) -> dict[str, object] | None:
    """Return the letter for whose card the code is asked, and the address of the card."""
    state = STATES.get(request.args.get("embed", ""))
    if state is None:
        return None
    return {
        "state": state,
        "url": site().settings.base_url + url_for(".embed", language=language, state=state),
    }


def _names(snapshot: Snapshot, after: Cursor | None) -> published_name.NamesPage:
    # An erasure scrubs the rows in the background, so names may still be there.
    if snapshot.erased_on:
        return published_name.NamesPage([], None, None)
    return published_name.page_of_names(session(), after=after)


def _names_url(language: Language, after: Cursor | None) -> str:
    cursor = after.wrap(site().keys) if after else None
    return url_for(".progress", language=language, after=cursor, _anchor="public-names")
