"""The three roles; each includes the permissions of the one before it."""

READER = "reader"
"""Sees figures and deliveries, never a name; has no wrapping of the campaign's key."""

ORGANISER = "organiser"
"""Opens names, and does approvals, lists and deliveries."""

OWNER = "owner"
"""Also manages organisers and safety lists."""

ROLES = (READER, ORGANISER, OWNER)
"""From the least to the most."""


def reaches(role: str, least: str) -> bool:
    """Whether *role* includes the permissions of *least*."""
    return ROLES.index(role) >= ROLES.index(least)


def opens_names(role: str) -> bool:
    """Whether an account with *role* has a wrapping of the campaign's key."""
    return role != READER
