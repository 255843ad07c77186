"""A random wait before each mail, since arrivals at a stranger's own mailbox tell about the mails between.

A sixth mail of a day, or links for an address that never signed, are rows that send nothing (P6). If they
took no time, and mails left in the order of the posts, a stranger could post for an own mailbox before and
after somebody else's, and see from the gap whether there was a mail between. Two means prevent that:

- A row that sends nothing takes as long as the latest mail did. What is left to measure is how much one
  mail differs from the one before: a few hundredths of a second, either way.
- Each row is due at a random moment within :data:`SPREAD`, and rows are claimed in that order. A row that
  takes 0.1 seconds shifts a stranger's mail only if that is due within the same 0.1 of 10 seconds: one
  probe in a hundred, and nothing in the mail says which one.

Only the last of a mailbox's mails of a day, and its first five requests for links, depend on whether its
owner signed. So there are five probes a day, each of which may send the owner a mail: one hit in twenty days.
"""

import secrets
from collections.abc import Callable
from datetime import timedelta

from campaign.settings import Settings

SPREAD = timedelta(seconds=10)
"""Short enough that "check your mail" stays true: even links, which wait twice, leave within a minute."""

Wait = Callable[[], timedelta]
"""Returns how long the next mail waits."""


def no_wait() -> timedelta:
    """Let a mail leave at once."""
    return timedelta()


def random_wait() -> timedelta:
    """Return a wait within :data:`SPREAD`, each as likely as any other."""
    return SPREAD * secrets.randbelow(1_000_000) / 1_000_000


def wait_on(settings: Settings) -> Wait:
    """Return how mails of a site wait: not at all on loopback, where nobody else signs or watches."""
    return no_wait if settings.is_loopback else random_wait
