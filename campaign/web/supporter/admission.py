"""The guard at the forms: who may send now, who has to show a proof first, and what is held."""

import logging
from collections.abc import Collection
from dataclasses import dataclass

from flask import Flask, render_template, request

from campaign.errors import LimitError, ProofError
from campaign.guard import network, proof_of_work, surge
from campaign.guard.limit import FREE, MOST_AT_THE_DOOR, MOST_POSTS, MOST_SIGNATURES, TICKET_SECONDS
from campaign.guard.proof_of_work import Proof
from campaign.reference.language import Language
from campaign.reference.participating_state import ParticipatingState
from campaign.sealing.address_digest import address_digest
from campaign.signature.model import DOMAIN, NETWORK, ROBOT
from campaign.web.serving import headers
from campaign.web.site import now, site
from campaign.web.supporter.form import SignatureForm

logger = logging.getLogger(__name__)

SIGN = "supporter.sign"
"""The view that weighs for itself: its page keeps what was typed."""

ANSWER, TICKET = "altcha", "ticket"
"""Fields of the page that asks for a proof."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Admission:
    """A signature that may be kept."""

    held_for: str | None = None
    """Why it shall not count yet."""
    proof: Proof | None = None
    """To be spent in the transaction that keeps the signature."""


def admit(state: ParticipatingState, form: SignatureForm) -> Admission:
    """Let the signature in *form* pass, and count it.

    Raises:
        LimitError: Too many came from this network.
        ProofError: It needs a proof, and brought none that holds.
    """
    robot = ROBOT if form.is_from_a_robot else None
    address, email = request.remote_addr, form.email.data
    if _is_unlimited(address):
        return Admission(robot)
    memory = site().rate_limits
    _refuse(memory.wait(SIGN, address, MOST_SIGNATURES, now()))
    is_busy = memory.wait(SIGN, address, FREE, now()) > 0
    solved = _proof(state, email) if is_busy or _is_guarded() else None
    memory.count(SIGN, address, now())
    crowded = DOMAIN if memory.is_crowded(email, now()) else None
    _note_rush()
    # With a ticket alone, programs could sign from one network as fast as with a puzzle, at no cost.
    unproven = NETWORK if is_busy and solved is None else None
    return Admission(robot or unproven or crowded, solved)


def proof_page(language: Language, state: ParticipatingState, form: SignatureForm) -> str:
    """Return the page that asks for a moment, and keeps what was typed."""
    key, mailbox = site().keys.proof, _mailbox(state, form.email.data)
    ticket = request.form.get(TICKET, "")
    try:
        seconds = proof_of_work.ticket_wait(key, ticket, mailbox, now=now())
    except ProofError:
        ticket, seconds = proof_of_work.ticket(key, mailbox, now=now()), TICKET_SECONDS
    return render_template(
        "supporter/proof.html",
        language=language,
        state=state,
        typed=[(name, text) for name, text in request.form.items(multi=True) if name not in {ANSWER, TICKET}],
        # A browser whose answer did not hold would try for ever: now a hand presses the button.
        puzzle="" if request.form.get(ANSWER) else proof_of_work.puzzle(key, now=now()),
        ticket=ticket,
        seconds=seconds,
    )


def init_app(app: Flask, door: Collection[str]) -> None:
    """Limit every post to *app* that anybody can send, but for signing, which limits itself.

    Args:
        app: The application.
        door: The organisers' views that are reached without having logged in; the others have a login.
    """

    @app.before_request
    def limit() -> None:
        if request.method in SAFE or request.endpoint in {None, SIGN} or _is_unlimited(request.remote_addr):
            return
        is_door = request.blueprint == "organise"
        if is_door and request.endpoint not in door:
            return
        # Before it counts: another site could use up what the network of its visitor may send.
        headers.forbid_foreign_posts()
        what, most = ("door", MOST_AT_THE_DOOR) if is_door else ("post", MOST_POSTS)
        _refuse(site().rate_limits.wait(what, request.remote_addr, most, now()))
        site().rate_limits.count(what, request.remote_addr, now())


def _refuse(seconds: int) -> None:
    if seconds:
        raise LimitError(seconds)


def _proof(state: ParticipatingState, email: str) -> Proof | None:
    """Return the proof that came along; ``None`` when it was a ticket that has waited."""
    key = site().keys.proof
    answer = request.form.get(ANSWER, "")
    if answer:
        return proof_of_work.read(key, answer, now=now())
    given = request.form.get(TICKET, "")
    if proof_of_work.ticket_wait(key, given, _mailbox(state, email), now=now()):
        raise ProofError("this ticket has not waited long enough")
    return None


def _mailbox(state: ParticipatingState, email: str) -> bytes:
    return address_digest(site().keys, state.code, email)


def _is_unlimited(address: str | None) -> bool:
    return network.is_within(address, site().settings.unlimited_networks)


def _is_guarded() -> bool:
    ends = site().rate_limits.guarded_until, site().snapshots.current().guarded_until
    return any(surge.is_guarded(end, now()) for end in ends)


def _note_rush() -> None:
    memory = site().rate_limits
    if memory.is_rushing(now()):
        # In a transaction of its own, before the signature's: that one locks no row that others wait for.
        with site().database.writing() as db:
            surge.guard_until(db, memory.guarded_until)
        logger.warning("signatures come fast: until %s each needs a proof", memory.guarded_until)
