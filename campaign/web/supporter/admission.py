"""Admission of posted forms: rate limits, proofs of work, and which signatures are held for review."""

import logging
from dataclasses import dataclass

from flask import render_template, request

from campaign.errors import LimitError, ProofError
from campaign.guard import network, proof_of_work
from campaign.guard.mail_domain import owned_domain
from campaign.guard.proof_of_work import Proof
from campaign.guard.threshold import (
    FIRST_MAILS,
    FREE_SIGNATURES,
    MAX_LETTERS,
    MAX_LINK_REQUESTS,
    MAX_SIGNATURES,
    SURGE_SECONDS,
    TICKET_SECONDS,
)
from campaign.reference.language import Language
from campaign.reference.participating_state import ParticipatingState
from campaign.sealing.address import canonical_address, domain_of
from campaign.signature.model import NETWORK, ROBOT
from campaign.web.site import now, site
from campaign.web.supporter.form import SignatureForm

logger = logging.getLogger(__name__)

SIGN, LETTER, LINK = "sign", "letter", "link"
"""Counted for a network: forms that sign, the letters that they sign, and requests for the link again."""

ANSWER, TICKET = "altcha", "ticket"
"""Form fields of the page that asks for a proof."""

MAIL = "mail"
"""Counted for a network and a mail domain."""


@dataclass(frozen=True)
class Admission:
    """How an admitted signature is stored."""

    held_for: str | None = None
    """Why it does not count before an organiser has reviewed it."""
    proof: Proof | None = None
    """To be spent in the transaction that stores the signature."""
    is_unlimited: bool = False
    """Whether its network has no limits; then its mail domain has none either."""
    is_first: bool = False
    """Whether its mail waits only briefly: it is among the first of its network under its mail domain."""


def admit(state: ParticipatingState, form: SignatureForm) -> Admission:
    """Admit the signatures in *form*, and count them against the limits.

    Raises:
        LimitError: Its network sent too many.
        ProofError: It needs a proof, and brought none that is valid.
    """
    robot = ROBOT if form.is_from_a_robot else None
    address, email = request.remote_addr, form.email.data
    if _is_unlimited(address):
        return Admission(robot, is_unlimited=True, is_first=True)
    limits = site().rate_limits
    _check(limits.wait(SIGN, address, MAX_SIGNATURES, now()))
    _check(limits.wait(LETTER, address, MAX_LETTERS, now()))
    is_busy = limits.wait(SIGN, address, FREE_SIGNATURES, now()) > 0
    proof = _read_proof(state, email) if is_busy or site().surge.is_surge(now()) else None
    limits.add(SIGN, address, now())
    limits.add(LETTER, address, now(), 1 + len(form.also_to(state)))
    if site().surge.add(now()):
        logger.warning(
            "surge: more signatures than usual; each needs a proof for %s minutes", SURGE_SECONDS // 60
        )
    # If tickets were enough, programs could sign from one network as fast as with puzzles, at no cost.
    unproven = NETWORK if is_busy and proof is None else None
    return Admission(robot or unproven, proof, is_first=_is_first(address, email))


def proof_page(language: Language, state: ParticipatingState, form: SignatureForm) -> str:
    """Return the page that asks for a proof; it carries what the supporter typed."""
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
        # After an invalid answer there is no new puzzle, or the browser would try for ever: the supporter
        # presses the button instead.
        puzzle="" if request.form.get(ANSWER) else proof_of_work.puzzle(key, now=now()),
        ticket=ticket,
        seconds=seconds,
    )


def admit_link_request() -> None:
    """Admit a request for the link again, and count it.

    Raises:
        LimitError: Its network sent too many.
    """
    address = request.remote_addr
    if _is_unlimited(address):
        return
    _check(site().rate_limits.wait(LINK, address, MAX_LINK_REQUESTS, now()))
    site().rate_limits.add(LINK, address, now())


def _is_first(address: str | None, email: str) -> bool:
    """Count the signature for its network and its mail domain; return whether it is among the first today."""
    limits, who = site().rate_limits, network.prefix(address) + owned_domain(domain_of(email)).encode()
    is_first = limits.wait_for(MAIL, who, FIRST_MAILS, now()) == 0
    limits.add_for(MAIL, who, now())
    return is_first


def _check(wait_seconds: int) -> None:
    if wait_seconds:
        raise LimitError(wait_seconds)


def _read_proof(state: ParticipatingState, email: str) -> Proof | None:
    """Return the proof in the request; ``None`` for a ticket whose wait is over."""
    key = site().keys.proof
    answer = request.form.get(ANSWER, "")
    if answer:
        return proof_of_work.read(key, answer, now=now())
    ticket = request.form.get(TICKET, "")
    if proof_of_work.ticket_wait(key, ticket, _mailbox(state, email), now=now()):
        raise ProofError("the ticket's wait is not over")
    return None


def _mailbox(state: ParticipatingState, email: str) -> bytes:
    return f"{state.code}\0{canonical_address(email)}".encode()


def _is_unlimited(address: str | None) -> bool:
    return network.is_within(address, site().settings.unlimited_networks)
