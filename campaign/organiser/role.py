"""The three roles, each of which may do what the one before it may."""

READER = "reader"
"""Sees how the campaign stands, never a name; holds no wrapping of the campaign's key."""

ORGANISER = "organiser"
"""Opens names and does the daily work: approvals, lists, deliveries."""

OWNER = "owner"
"""Also says who organises, and with which role."""

ROLES = (READER, ORGANISER, OWNER)
"""From the least to the most."""


def reaches(role: str, least: str) -> bool:
    """Whether *role* may do what *least* may."""
    return ROLES.index(role) >= ROLES.index(least)


def opens_names(role: str) -> bool:
    """Whether an account with *role* holds a wrapping of the campaign's key."""
    return role != READER
