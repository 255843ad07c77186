"""Conditions and queries that select signatures by their state."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    literal_column,
    select,
)

from campaign.signature.model import AWAITS_NAME_APPROVAL, AWAITS_WORDS_APPROVAL, TO_STRIKE, Signature


def is_confirmed() -> ColumnElement[bool]:
    """Match confirmed signatures that were not withdrawn, whether they count or not."""
    return and_(Signature.confirmed_on.is_not(None), Signature.withdrawn_on.is_(None))


def not_set_aside() -> ColumnElement[bool]:
    """Match signatures that are neither held nor invalidated."""
    return and_(Signature.held_for.is_(None), Signature.invalidation_id.is_(None))


def counts() -> ColumnElement[bool]:
    """Match signatures that count."""
    return and_(is_confirmed(), not_set_aside())


def of_mailbox(state_code: Any, digest: Any) -> ColumnElement[bool]:
    """Match submissions for one letter from the mailbox of *digest*; both may be bound parameters."""
    # With "=" in place of BETWEEN, SQLite would read every row of the letter.
    return and_(Signature.state_code == state_code, Signature.digest.between(digest, digest))


def has_public_name() -> ColumnElement[bool]:
    """Match confirmed signatures whose name is stored in clear."""
    return and_(is_confirmed(), Signature.public_name.is_not(None))


def awaits_name_approval() -> ColumnElement[bool]:
    """Match signatures whose public name waits for an organiser's approval."""
    # The SQL of the partial index, word for word: otherwise the databases do not use the index.
    return literal_column(AWAITS_NAME_APPROVAL)


def awaits_words_approval() -> ColumnElement[bool]:
    """Match signatures whose own words wait for an organiser's approval."""
    return literal_column(AWAITS_WORDS_APPROVAL)


def is_to_strike() -> ColumnElement[bool]:
    """Match signatures that a delegation may have to strike from its list."""
    return literal_column(TO_STRIKE)


def in_list_order(state_code: str) -> Select[Signature]:
    """Select the signatures of one letter that count, in an order that says nothing about when.

    The order of their ids, which are random: a list that is leaked tells who signed, but not after whom.
    """
    return select(Signature).where(Signature.state_code == state_code, counts()).order_by(Signature.id)
