"""How the campaign stands, for everyone: counts, deliveries, and what was delivered."""

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from campaign.delivery.model import DELIVERED, REACHED, Delivery, by_code, deliveries
from campaign.disclosure import published_name
from campaign.disclosure.published_name import Place
from campaign.reference.language import Language
from campaign.reference.participating_state import STATES, ParticipatingState, states_in_order
from campaign.sealing.code import grouped, read_code
from campaign.web.pager import Pager
from campaign.web.serving import headers
from campaign.web.site import letter_to, session, site
from campaign.web.supporter.find_form import FindDeliveryForm

bp = Blueprint("progress", __name__)


@bp.get("/<language:language>/progress")
def progress(language: Language) -> ResponseReturnValue:
    """Show per state the signatures, and when its delegation was written to and replied."""
    counts = site().snapshots.current()
    after = Place.read(request.args.get("after", ""), site().keys)
    # Not even while the rows of an erasure are still being scrubbed.
    names = (
        published_name.Page([], None, None)
        if counts.erased_on
        else published_name.page(session(), after=after)
    )
    # A place is known as long as its key is, and pages of names had numbers once; or all behind it are gone.
    if not {"after", "page"}.isdisjoint(request.args) and (after is None or not names.names):
        return redirect(url_for(".progress", language=language, _anchor="public-names"))
    latest = _latest_deliveries()
    rows = [
        {
            "state": state,
            "count": counts.by_state.get(state.code, 0),
            "delivered_on": latest[state.code].sent_on if state.code in latest else None,
            "replied_on": latest[state.code].replied_on if state.code in latest else None,
        }
        for state in states_in_order(language)
    ]
    return render_template(
        "supporter/progress.html",
        rows=rows,
        total=counts.total,
        delivered=sum(1 for row in rows if row["delivered_on"]),
        replied=sum(1 for row in rows if row["replied_on"]),
        largest=max([1, *counts.by_state.values()]),
        as_of=counts.as_of,
        names=[{"name": name, "state": STATES[code]} for name, code in names.names],
        pages=Pager(
            newer_url=_names_url(language, names.newer) if after else "",
            older_url=_names_url(language, names.older) if names.older else "",
        ),
    )


@bp.get("/<language:language>/verify")
def find_delivery(language: Language) -> ResponseReturnValue:
    """Ask for the code that is printed on a delivered letter's cover."""
    form = FindDeliveryForm(request.args)
    if "code" not in request.args:
        return render_template("supporter/find_delivery.html", form=form, is_unknown=False)
    if not form.validate():
        return render_template("supporter/find_delivery.html", form=form, is_unknown=False), 422
    return redirect(url_for(".verify", language=language, code=form.code.data), 303)


@bp.get("/<language:language>/verify/<code>")
def verify(language: Language, code: str) -> ResponseReturnValue:
    """Say what was delivered under *code*, to anyone who holds the letter."""
    read = read_code(code)
    delivery = by_code(session(), read) if read else None
    if delivery is None:
        return render_template("supporter/find_delivery.html", form=FindDeliveryForm(), is_unknown=True), 404
    state = STATES[delivery.state_code]
    is_present = delivery.edition == site().edition
    delivered = {
        "code": grouped(delivery.code),
        "state": state,
        "sent_on": delivery.sent_on,
        "edition": delivery.edition,
        "count": delivery.total,
        "named": delivery.named,
        "letter_sha256": delivery.letter_hash.hex(),
        "list_sha256": delivery.list_hash.hex(),
        # What the list held then counts: the delegation may have lost, or got, names since.
        "names_withheld": not delivery.named and state.code in site().appeal.no_names_to,
        "status": delivery.status,
    }
    letter_url = url_for("supporter.letter_text", language=language, state=state) if is_present else ""
    return render_template("supporter/verify.html", delivered=delivered, letter_url=letter_url)


@bp.get("/counts.json")
def counts() -> ResponseReturnValue:
    """Send the counts to any site that wants to show them."""
    snapshot = site().snapshots.current()
    response = jsonify(
        total=snapshot.total, states=snapshot.by_state, as_of=snapshot.as_of.isoformat(timespec="seconds")
    )
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Cache-Control"] = "public, max-age=1"
    return response


@bp.get("/<language:language>/embed/<state:state>")
def embed(language: Language, state: ParticipatingState) -> ResponseReturnValue:
    """Show a card for other sites' frames: the count and a link."""
    snapshot = site().snapshots.current()
    page = render_template(
        "supporter/embed.html",
        state=state,
        count=snapshot.by_state.get(state.code, 0),
        as_of=snapshot.as_of,
        letter_url=site().settings.base_url + url_for("supporter.letter", language=language, state=state),
        letter=letter_to(state, language),
    )
    response = Response(page, mimetype="text/html")
    response.headers["Content-Security-Policy"] = headers.content_security_policy(may_be_framed=True)
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _latest_deliveries() -> dict[str, Delivery]:
    latest: dict[str, Delivery] = {}
    for delivery in session().scalars(deliveries().where(Delivery.status.in_(REACHED & DELIVERED))):
        latest.setdefault(delivery.state_code, delivery)
    return latest


def _names_url(language: Language, after: Place | None) -> str:
    place = after.text(site().keys) if after else None
    return url_for(".progress", language=language, after=place, _anchor="public-names")
