"""Conditions that select signatures by what became of them."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    literal_column,
    select,
)

from campaign.signature.model import _TO_NAME, _TO_READ, _TO_STRIKE, Signature


def is_confirmed() -> ColumnElement[bool]:
    """Return the condition that a signature has its mailbox's place, whether it counts or not."""
    return and_(Signature.confirmed_on.is_not(None), Signature.withdrawn_on.is_(None))


def not_set_aside() -> ColumnElement[bool]:
    """Return the condition that a signature is neither held nor invalidated."""
    return and_(Signature.held_for.is_(None), Signature.invalidation_id.is_(None))


def counts() -> ColumnElement[bool]:
    """Return the condition that a signature counts."""
    return and_(is_confirmed(), not_set_aside())


def of_mailbox(state_code: Any, digest: Any) -> ColumnElement[bool]:
    """Return the condition that a signature of this letter was made with the mailbox of *digest*.

    Either may be a bound parameter.
    """
    # A digest as a range of one: asked for with "=", SQLite would read every row of the letter instead.
    return and_(Signature.state_code == state_code, Signature.digest.between(digest, digest))


def awaits_name_approval() -> ColumnElement[bool]:
    """Return the condition that a public name waits for an organiser."""
    # In the very words of the index, by which alone databases know that it holds them all.
    return literal_column(_TO_NAME)


def awaits_words_approval() -> ColumnElement[bool]:
    """Return the condition that somebody's own words wait for an organiser."""
    return literal_column(_TO_READ)


def is_to_strike() -> ColumnElement[bool]:
    """Return the condition that a delegation may have to be told that a number no longer stands."""
    return literal_column(_TO_STRIKE)


def in_list_order(state_code: str) -> Select[Signature]:
    """Select the signatures of one letter that count, oldest first."""
    return (
        select(Signature)
        .where(Signature.state_code == state_code, counts())
        .order_by(Signature.confirmed_on, Signature.id)
    )
