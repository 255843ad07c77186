"""Deliveries, state by state: preview, test to oneself, send, and what became of it."""

from itertools import islice
from uuid import UUID, uuid4

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import func, select

from campaign.delivery import document, notice, outcome, send
from campaign.delivery.model import BOUNCED, Delivery
from campaign.delivery.plan import Plan, plan
from campaign.delivery.readiness import readiness
from campaign.errors import DeliveryError, MailError
from campaign.reference.language import ENGLISH, LANGUAGES
from campaign.reference.participating_state import STATES, ParticipatingState
from campaign.reference.residence import name as residence_name
from campaign.sealing.code import grouped
from campaign.signature.model import COUNTED, Signature
from campaign.signature.select import counts
from campaign.web.organise.blueprint import bp
from campaign.web.organise.form import ReplyForm, SendDeliveryForm, TestDeliveryForm
from campaign.web.organise.session import unlocked
from campaign.web.site import commit, letter_to, now, session, site

ROWS_PREVIEWED = 50


@bp.get("/deliveries")
def deliveries() -> ResponseReturnValue:
    """Show for each state what was sent, what is ready and what is missing."""
    rows = readiness(session(), site().snapshots.current().by_state)
    return render_template(
        "organise/deliveries.html",
        rows=rows,
        sent=sum(1 for row in rows if row["delivery"]),
        ready=sum(1 for row in rows if row["obstacle"] == ""),
        to_tell=notice.number_due(session()),
    )


@bp.get("/deliveries/new/<state:state>")
def prepare_delivery(state: ParticipatingState) -> ResponseReturnValue:
    """Show letter and list as the delegation would get them."""
    return _preview(state)


@bp.post("/deliveries/new/<state:state>/test")
def test_delivery(state: ParticipatingState) -> ResponseReturnValue:
    """Send the document, with made-up entries in place of the names, to the organiser."""
    form = TestDeliveryForm()
    if not form.validate():
        return _preview(state, test_form=form), 422
    try:
        send.send_test(_sender(), state, form.email.data)
    except MailError as error:
        form.email.errors = [
            *form.email.errors,
            gettext("The mail relay did not take it: %(why)s", why=str(error)),
        ]
        return _preview(state, test_form=form), 422
    flash(gettext("The test was sent. Open it and read it as the delegation would."))
    return redirect(url_for(".prepare_delivery", state=state), 303)


@bp.post("/deliveries/new/<state:state>")
def send_delivery(state: ParticipatingState) -> ResponseReturnValue:
    """Send the letter with its list; a form sent twice makes one delivery."""
    planned = _plan(state)
    form = SendDeliveryForm(must_hold=bool(planned.cautions))
    try:
        delivery_id = UUID(form.nonce.data or "")
    except ValueError:
        abort(400)
    if _is_known(delivery_id):
        # Looked up after the plan: what the first click changed in it does not speak against the second.
        return redirect(url_for(".delivery", delivery_id=delivery_id), 303)
    if not form.validate():
        return _preview(state, send_form=form), 422
    latest = _latest(planned)
    session().rollback()  # nothing is locked while the relay is spoken to
    if form.latest.data != latest:
        return _ask_again(state)
    order = send.Order(delivery_id=delivery_id, state=state, confirmed=(form.seen.data or "").split(","))
    try:
        delivery = send.send(_sender(), order)
    except DeliveryError:
        return _ask_again(state)
    return redirect(url_for(".delivery", delivery_id=delivery.id), 303)


@bp.get("/deliveries/<uuid:delivery_id>")
def delivery(delivery_id: UUID) -> ResponseReturnValue:
    """Show what became of one delivery."""
    return _page(_delivery(delivery_id), ReplyForm())


@bp.post("/deliveries/<uuid:delivery_id>/reply")
def note_reply(delivery_id: UUID) -> ResponseReturnValue:
    """Keep what the delegation answered."""
    found, form = _delivery(delivery_id), ReplyForm()
    if not form.validate():
        return _page(found, form), 422
    try:
        outcome.note_reply(
            session(),
            delivery_id,
            replied_on=form.replied_on.data,
            note=form.note.data,
            by=unlocked().name,
            now=now(),
        )
    except DeliveryError:
        form.replied_on.errors = [
            *form.replied_on.errors,
            gettext("A reply comes after the letter was handed over, and not in the future."),
        ]
        return _page(found, form), 422
    commit()
    flash(gettext("Reply noted."))
    return redirect(url_for(".delivery", delivery_id=delivery_id), 303)


@bp.post("/deliveries/<uuid:delivery_id>/bounce")
def note_bounce(delivery_id: UUID) -> ResponseReturnValue:
    """Keep that the message came back."""
    _delivery(delivery_id)
    try:
        outcome.note_bounce(session(), delivery_id, by=unlocked().name, now=now())
    except DeliveryError:
        flash(gettext("Only a message that was handed over can come back."), "fault")
    else:
        commit()
        flash(gettext("Noted: the message came back."))
    return redirect(url_for(".delivery", delivery_id=delivery_id), 303)


def _sender() -> send.Sender:
    return send.Sender(
        database=site().database,
        settings=site().settings,
        appeal=site().appeal,
        organiser=unlocked(),
        clock=site().clock,
    )


def _plan(state: ParticipatingState) -> Plan:
    return plan(session(), site().appeal, state, today=now().date())


def _delivery(delivery_id: UUID) -> Delivery:
    found = session().get(Delivery, delivery_id)
    if found is None:
        abort(404)
    return found


def _preview(
    state: ParticipatingState,
    *,
    test_form: TestDeliveryForm | None = None,
    send_form: SendDeliveryForm | None = None,
) -> str:
    planned = _plan(state)
    rows = document.rows(
        session(), planned, unlocked().campaign_private_key, edition=site().edition, language=ENGLISH
    )
    if send_form is None:
        send_form = SendDeliveryForm(
            formdata=None,
            nonce=str(uuid4()),
            seen=",".join(planned.cautions),
            latest=_latest(planned),
            must_hold=bool(planned.cautions),
        )
    return render_template(
        "organise/prepare_delivery.html",
        state=state,
        letter=letter_to(state, ENGLISH),
        cover=document.cover(
            planned, ENGLISH, code=document.NO_CODE, made_on=now().date(), base_url=site().settings.base_url
        ),
        rows=list(islice(rows, ROWS_PREVIEWED)),
        residence=lambda code: residence_name(code, ENGLISH.code),
        left_out=_left_out(planned),
        address=planned.delegation,
        obstacle=next(iter(planned.obstacles), ""),
        instrument=site().appeal.instruments[state.code],
        must_hold=bool(planned.cautions),
        cautions=planned.cautions,
        under_other_key=planned.under_other_key,
        earlier=planned.latest,
        test_form=test_form or TestDeliveryForm(formdata=None),
        send_form=send_form,
    )


def _ask_again(state: ParticipatingState) -> ResponseReturnValue:
    flash(
        gettext("Nothing was sent: something changed since this page was shown. Please look again."), "fault"
    )
    return redirect(url_for(".prepare_delivery", state=state), 303)


def _latest(planned: Plan) -> str:
    return str(planned.latest.id) if planned.latest else ""


def _is_known(delivery_id: UUID) -> bool:
    with site().database.reading() as db:
        return db.get(Delivery, delivery_id) is not None


def _page(found: Delivery, form: ReplyForm) -> str:
    events = [{"at": found.prepared_at, "status": "prepared", "note": found.organiser}]
    if found.sending_at:
        events.append({"at": found.sending_at, "status": "sending", "note": ""})
    if found.settled_at:
        answered = gettext("the relay answered %(code)s", code=found.smtp_code)
        note = answered if found.smtp_code and found.status != BOUNCED else ""
        status = "accepted" if found.status == "replied" else found.status
        events.append({"at": found.settled_at, "status": status, "note": note})
    state = STATES[found.state_code]
    ready = [
        row["state"]
        for row in readiness(session(), site().snapshots.current().by_state)
        if row["obstacle"] == "" and row["state"] != state
    ]
    return render_template(
        "organise/delivery.html",
        delivery=found,
        code=grouped(found.code),
        state=state,
        letter_language=LANGUAGES[found.language].name,
        events=events,
        form=form,
        following=ready[0] if ready else None,
        verify_url=document.verify_url(site().settings.base_url, found.language, found.code),
    )


def _left_out(planned: Plan) -> list[dict[str, object]]:
    counted = session().scalar(
        select(func.count())
        .select_from(Signature)
        .where(Signature.state_code == planned.state.code, counts(), Signature.disclosure == COUNTED)
    )
    figures = {
        "withheld": planned.total if planned.names_withheld else 0,
        "counted": 0 if planned.names_withheld else counted or 0,
        "promised": planned.names_promised,
        "waiting_names": 0 if planned.names_withheld else planned.names_waiting,
        "waiting_words": 0 if planned.names_withheld else planned.words_waiting,
    }
    return [{"reason": reason, "count": count} for reason, count in figures.items() if count]
