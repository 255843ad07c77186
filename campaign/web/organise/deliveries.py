"""Deliveries, state by state: preview, test, sending, and the outcome."""

from itertools import islice
from uuid import UUID, uuid4

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign.delivery import document, notice, outcome, readiness, send
from campaign.delivery.model import BOUNCED, REPLIED, TRANSITIONS, Delivery
from campaign.delivery.order import Order, Sender
from campaign.delivery.plan import Plan, entries, languages, plan
from campaign.errors import DeliveryError, MailError
from campaign.reference.language import language_name
from campaign.reference.participating_state import STATES, ParticipatingState
from campaign.reference.residence import name as residence_name
from campaign.sealing.code import grouped
from campaign.web.organise.blueprint import bp
from campaign.web.organise.delivery_form import ReplyForm, SendDeliveryForm, TestDeliveryForm
from campaign.web.organise.letter_language import letter_language, preview_url
from campaign.web.organise.session import key_ring, unlocked
from campaign.web.serving.language import current_language
from campaign.web.site import commit, now, session, site

PREVIEWED = 50
"""Entries of the list on the preview."""


@bp.get("/deliveries")
def deliveries() -> ResponseReturnValue:
    """Show for each state its last delivery, and whether the next one is ready."""
    rows = readiness.of_all_states(session(), language=current_language())
    return render_template(
        "organise/deliveries.html",
        rows=rows,
        sent=sum(1 for row in rows if row.latest_reached),
        ready=sum(1 for row in rows if row.is_ready),
        to_tell=notice.count_pending(session()),
    )


@bp.get("/deliveries/new/<state:state>")
def prepare_delivery(state: ParticipatingState) -> ResponseReturnValue:
    """Show letter and list as the delegation would get them."""
    return _render_preview(state)


@bp.post("/deliveries/new/<state:state>/test")
def test_delivery(state: ParticipatingState) -> ResponseReturnValue:
    """Send the document, with made-up entries in place of the names, to the organiser."""
    form = TestDeliveryForm()
    if not form.validate():
        return _render_preview(state, test_form=form), 422
    try:
        send.send_test(_sender(), state, form.email.data, language=letter_language(state))
    except MailError as error:
        form.email.errors = [
            *form.email.errors,
            gettext("The mail relay did not take it: %(why)s", why=str(error)),
        ]
        return _render_preview(state, test_form=form), 422
    flash(gettext("The test was sent. Open it and read it as the delegation would."))
    return redirect(preview_url(state, letter_language(state).code), 303)


@bp.post("/deliveries/new/<state:state>")
def send_delivery(state: ParticipatingState) -> ResponseReturnValue:
    """Send the letter with its list; a form submitted twice makes one delivery."""
    form = SendDeliveryForm()
    if not form.validate():
        return _render_preview(state, send_form=form), 422
    order = _order(state, form)
    session().rollback()  # nothing is locked while the relay is connected
    try:
        delivery = send.send(_sender(), order)
    except DeliveryError:
        flash(
            gettext("Nothing was sent: something changed since this page was shown. Please look again."),
            "fault",
        )
        return redirect(preview_url(state, letter_language(state).code), 303)
    return redirect(url_for(".delivery", delivery_id=delivery.id), 303)


@bp.get("/deliveries/<uuid:delivery_id>")
def delivery(delivery_id: UUID) -> ResponseReturnValue:
    """Show one delivery and its outcome."""
    found = _delivery(delivery_id)
    return _render_delivery(found, ReplyForm(obj=found if found.replied_on else None))


@bp.post("/deliveries/<uuid:delivery_id>/reply")
def note_reply(delivery_id: UUID) -> ResponseReturnValue:
    """Record the delegation's reply."""
    found, form = _delivery(delivery_id), ReplyForm()
    if not form.validate():
        return _render_delivery(found, form), 422
    try:
        outcome.note_reply(
            session(),
            delivery_id,
            replied_on=form.replied_on.data,
            note=form.note.data,
            public_reply=form.public_reply.data,
            by=unlocked().name,
            now=now(),
        )
    except DeliveryError:
        form.replied_on.errors = [
            *form.replied_on.errors,
            gettext("A reply comes after the letter was handed over, and not in the future."),
        ]
        return _render_delivery(found, form), 422
    commit()
    flash(gettext("Reply noted."))
    return redirect(url_for(".delivery", delivery_id=delivery_id), 303)


@bp.post("/deliveries/<uuid:delivery_id>/bounce")
def note_bounce(delivery_id: UUID) -> ResponseReturnValue:
    """Record that the message bounced."""
    _delivery(delivery_id)
    try:
        outcome.note_bounce(session(), delivery_id, by=unlocked().name, now=now())
    except DeliveryError:
        flash(gettext("Only a message that was handed over can come back."), "fault")
    else:
        commit()
        flash(gettext("Noted: the message came back."))
    return redirect(url_for(".delivery", delivery_id=delivery_id), 303)


def _sender() -> Sender:
    return Sender(
        database=site().database,
        settings=site().settings,
        appeal=site().appeal,
        organiser=unlocked(),
        clock=site().clock,
    )


def _order(state: ParticipatingState, form: SendDeliveryForm) -> Order:
    try:
        return Order(
            delivery_id=UUID(form.nonce.data or ""),
            state=state,
            confirmed=(form.seen.data or "").split(","),
            latest_id=UUID(form.latest.data) if form.latest.data else None,
            language=letter_language(state),
            shown=form.shown.data or "",
        )
    except ValueError:
        abort(400)


def _delivery(delivery_id: UUID) -> Delivery:
    found = session().get(Delivery, delivery_id)
    if found is None:
        abort(404)
    return found


def _render_preview(
    state: ParticipatingState,
    *,
    test_form: TestDeliveryForm | None = None,
    send_form: SendDeliveryForm | None = None,
) -> str:
    appeal, language = site().appeal, letter_language(state)
    planned = plan(session(), appeal, state, edition=site().edition, today=now().date(), language=language)
    listed = entries(session(), planned, key_ring())
    return render_template(
        "organise/prepare_delivery.html",
        plan=planned,
        cover=document.cover(
            planned, code=document.NO_CODE, made_on=now().date(), base_url=site().settings.base_url
        ),
        entries=list(islice(listed, PREVIEWED)),
        residence=lambda code: residence_name(code, current_language().code),
        letter_languages=languages(appeal, state),
        language_name=lambda each: language_name(each.code, current_language().code),
        left_out=_left_out(planned),
        instrument=planned.appeal.in_language(current_language().code).instruments[state.code],
        test_form=test_form or TestDeliveryForm(formdata=None),
        send_form=send_form or _new_send_form(planned),
    )


def _new_send_form(planned: Plan) -> SendDeliveryForm:
    latest = planned.readiness.latest_reached
    return SendDeliveryForm(
        formdata=None,
        nonce=str(uuid4()),
        seen=",".join(planned.cautions),
        latest=str(latest.id) if latest else "",
    )


def _left_out(planned: Plan) -> list[dict[str, object]]:
    if planned.names_withheld:
        figures = {"withheld": planned.readiness.signatures}
    else:
        figures = {
            "counted": planned.counted,
            "promised": planned.names_promised,
            "waiting_names": planned.names_waiting,
            "waiting_words": planned.words_waiting,
        }
    return [{"reason": reason, "count": count} for reason, count in figures.items() if count]


def _render_delivery(found: Delivery, form: ReplyForm) -> str:
    state = STATES[found.state_code]
    everywhere = readiness.of_all_states(session(), language=current_language())
    others = (each for each in everywhere if each.state != state)
    return render_template(
        "organise/delivery.html",
        delivery=found,
        next_statuses=TRANSITIONS[found.status],
        code=grouped(found.code),
        state=state,
        letter_language=language_name(found.language, current_language().code),
        again_url=preview_url(state, found.language),
        events=_events(found),
        form=form,
        following=next((each.state for each in others if each.is_ready), None),
        verify_url=document.verify_url(site().settings.base_url, found.language, found.code),
    )


def _events(found: Delivery) -> list[dict[str, object]]:
    events: list[dict[str, object]] = [
        {"at": found.prepared_at, "status": "prepared", "note": found.organiser}
    ]
    if found.sending_at:
        events.append({"at": found.sending_at, "status": "sending", "note": ""})
    if found.settled_at:
        answered = gettext("the relay answered %(code)s", code=found.smtp_code)
        note = answered if found.smtp_code and found.status != BOUNCED else ""
        status = "accepted" if found.status == REPLIED else found.status
        events.append({"at": found.settled_at, "status": status, "note": note})
    return events
