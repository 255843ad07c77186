"""Passphrases are checked one at a time; who sends many solves puzzles, and nobody is locked out."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from flask import after_this_request, render_template, request
from flask import session as cookie
from werkzeug import Response

from campaign.errors import ProofError, RefusedCodeError, TooManyAttemptsError, WrongKeyError
from campaign.guard import known_browser, network, proof_of_work
from campaign.guard.argon2_queue import Rank
from campaign.guard.threshold import (
    FREE_LOGINS,
    FREE_LOGINS_TO_A_NAME,
    FREE_LOGINS_TO_A_NAME_FROM_A_NETWORK,
    KNOWN_BROWSERS_LOGINS,
    OWN_ATTEMPTS,
    TICKET_SECONDS,
    Limit,
)
from campaign.organiser import name as names
from campaign.organiser.wrong_code import BROWSER, KNOWN_BROWSER
from campaign.web.base_form import Form
from campaign.web.serving.cookie import PATH, cookie_name
from campaign.web.site import commit, now, session, site

ANSWER, TICKET = "altcha", "ticket"
"""Form fields of the page that asks for a proof."""

COOKIE = "known-browser"


@contextmanager
def login_attempt(name: str) -> Iterator[str]:
    """Take the turn for a login as *name*; the block gets the place for :mod:`campaign.organiser.wrong_code`.

    Raises:
        ProofError: A proof of work is needed, and the request has none that is valid.
        TooManyAttemptsError: Too many wait, even with a proof; then its ticket keeps the place.
        WrongKeyError: From the block; what it counted is committed.
    """
    counted_at = now()
    rank, who, came = _admit(name, counted_at)
    try:
        with _turn(who, rank, came=came):
            yield KNOWN_BROWSER if rank == Rank.KNOWN else BROWSER
        _take_back(name, rank, counted_at)
    except TooManyAttemptsError as error:
        if rank == Rank.OTHER and not _is_unlimited():
            raise ProofError("only a proof gets a place in the queue") from error
        if rank == Rank.PROVEN:
            ticket = proof_of_work.ticket(site().keys.proof, _subject(name, b"place"), now=came)
            raise TooManyAttemptsError(TICKET_SECONDS, ticket=ticket) from error
        raise


@contextmanager
def own_attempt() -> Iterator[None]:
    """Take the turn for the passphrase of a logged-in organiser; each session has a budget of its own.

    Raises:
        TooManyAttemptsError: Too many in this session, or too many wait.
        WrongKeyError: From the block; what it counted is committed.
    """
    who = hashlib.sha256(cookie["unlock"].encode()).digest()
    wait = site().rate_limits.wait_for("own passphrase", who, OWN_ATTEMPTS, now())
    if wait:
        raise TooManyAttemptsError(wait)
    site().rate_limits.add_for("own passphrase", who, now())
    with _turn(who, Rank.KNOWN):
        yield


@contextmanager
def code_turn(code: str) -> Iterator[None]:
    """Take the turn for a new passphrase; the caller has checked the *code* of a link or a recovery.

    There is no limit: nobody guesses such a code, and a wrong one costs a look-up.

    Raises:
        TooManyAttemptsError: Too many wait.
    """
    with _turn(code.encode(), Rank.KNOWN):
        yield


def remember_browser(name: str) -> None:
    """Give this browser the cookie of one that logged in as *name*."""
    value = known_browser.new_cookie(site().keys.cookie, name, now=now())

    @after_this_request
    def set_cookie(response: Response) -> Response:
        response.set_cookie(
            cookie_name(COOKIE),
            value,
            max_age=2 * known_browser.PERIOD_DAYS * 86_400,
            path=PATH,
            secure=site().settings.is_secure,
            httponly=True,
            samesite="Strict",
        )
        return response


def proof_page(name: str) -> tuple[str, int]:
    """Return the page that asks for a proof; it carries what was typed, and sends it again."""
    session().rollback()  # spending the proof took SQLite's lock; others do not wait for the page
    key, subject = site().keys.proof, _subject(name)
    ticket = request.form.get(TICKET, "")
    try:
        seconds = proof_of_work.ticket_wait(key, ticket, subject, now=now())
    except ProofError:
        seconds = 0
    if not seconds:  # there was none, or it is spent
        ticket, seconds = proof_of_work.ticket(key, subject, now=now()), TICKET_SECONDS
    # After an invalid answer there is no new puzzle, or the browser would try for ever.
    puzzle = "" if request.form.get(ANSWER) else proof_of_work.puzzle(key, now=now())
    return _render_proof(puzzle, ticket, seconds), 422


def wait_page(error: TooManyAttemptsError) -> tuple[str, int, dict[str, str]]:
    """Return a 429 answer: the page that sends what was typed again, with the ticket that keeps the place."""
    page = _render_proof("", error.ticket, error.seconds)
    return page, 429, {"Retry-After": str(error.seconds)}


def too_many_attempts(
    render: Callable[..., str], form: Form, error: TooManyAttemptsError
) -> tuple[str, int, dict[str, str]]:
    """Return a 429 answer: the page from *render*, with the form as it was filled in."""
    return render(form, retry_after=error.seconds), 429, {"Retry-After": str(error.seconds)}


@contextmanager
def _turn(who: bytes, rank: Rank, *, came: datetime | None = None) -> Iterator[None]:
    session().rollback()  # nothing is locked while the request waits
    with site().argon2_queue.turn(who, rank, came=came or now()):
        try:
            yield
        except RefusedCodeError:
            commit()  # it was counted
            raise
        except WrongKeyError:
            session().rollback()
            raise


def _admit(name: str, moment: datetime) -> tuple[Rank, bytes, datetime]:
    """Return the rank of a login as *name*, whose turn it takes, and when it came; count it.

    What is counted are attempts, before their work, so that simultaneous ones count too.
    """
    given, limits = request.cookies.get(cookie_name(COOKIE), ""), site().rate_limits
    if known_browser.is_known(site().keys.cookie, given, name, now=moment):
        who = given.encode()
        if not limits.wait_for("known browser", who, KNOWN_BROWSERS_LOGINS, moment):
            limits.add_for("known browser", who, moment)
            return Rank.KNOWN, who, moment
    who = network.prefix(request.remote_addr)
    if _is_unlimited():
        return Rank.OTHER, who, moment
    counters = _counters(name, who)
    proven = _spend_proof(name)
    if proven is None and any(limits.wait_for(kind, key, limit, moment) for kind, key, limit in counters):
        raise ProofError("this login needs a proof of work")
    for kind, key, _limit in counters:
        limits.add_for(kind, key, moment)
    rank, came = proven or (Rank.OTHER, moment)
    return rank, who, came


def _take_back(name: str, rank: Rank, counted_at: datetime) -> None:
    """Take back the count of a login that succeeded, or strangers' free attempts would tell when it was.

    That gives nobody a guess: who succeeds has guessed nothing.
    """
    if rank == Rank.KNOWN or _is_unlimited():
        return
    for kind, key, _limit in _counters(name, network.prefix(request.remote_addr)):
        site().rate_limits.take_back_for(kind, key, counted_at)


def _counters(name: str, who: bytes) -> list[tuple[str, bytes, Limit]]:
    named = names.fold(name).encode(errors="replace")
    return [
        ("login", who, FREE_LOGINS),
        ("login to a name", named, FREE_LOGINS_TO_A_NAME),
        ("login to a name from a network", who + b"\0" + named, FREE_LOGINS_TO_A_NAME_FROM_A_NETWORK),
    ]


def _spend_proof(name: str) -> tuple[Rank, datetime] | None:
    """Return the rank of the proof in the request, which is good once, and its date; ``None`` without one.

    Raises:
        ProofError: It is invalid or was used, or the ticket's wait is not over.
    """
    key, answer, ticket = site().keys.proof, request.form.get(ANSWER, ""), request.form.get(TICKET, "")
    if not answer and not ticket:
        return None
    came = proof_of_work.ticket_came(key, ticket, _subject(name, b"place"), now=now())
    if answer:
        came = None  # a second proof is a place of its own
        proof = proof_of_work.read(key, answer, now=now())
    elif not came and proof_of_work.ticket_wait(key, ticket, _subject(name), now=now()):
        raise ProofError("the ticket's wait is not over")
    else:
        proof = proof_of_work.ticket_proof(ticket, now=now())
    proof_of_work.spend(session(), proof)
    session().commit()
    # A wait costs a program nothing, so it gets no place before others.
    return Rank.PROVEN if answer or came else Rank.OTHER, came or now()


def _render_proof(puzzle: str, ticket: str, seconds: int) -> str:
    typed = [(name, text) for name, text in request.form.items(multi=True) if name not in {ANSWER, TICKET}]
    return render_template("organise/proof.html", typed=typed, puzzle=puzzle, ticket=ticket, seconds=seconds)


def _subject(name: str, purpose: bytes = b"login") -> bytes:
    """Return what a ticket is good for: a login with this name, from any network, or its place."""
    return purpose + b"\0" + names.fold(name).encode(errors="replace")


def _is_unlimited() -> bool:
    return network.is_within(request.remote_addr, site().settings.unlimited_networks)
