"""Remembers whether the relay takes addresses beyond ASCII, so that the form can refuse them in time."""

from sqlalchemy.orm import Session

from campaign.database.fact import read_fact, save_fact

_NAME = "relay_takes_ascii_only"


def takes_ascii_only(db: Session) -> bool:
    """Whether the relay has shown that it lacks SMTPUTF8 (RFC 6531); false until it was asked."""
    return read_fact(db, _NAME) == "yes"


def note(db: Session, *, ascii_only: bool) -> None:
    """Store what the relay said."""
    save_fact(db, _NAME, "yes" if ascii_only else "no")
