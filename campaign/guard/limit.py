"""How much is too much: every bound of the guard, with its reason.

Each web process counts for itself and in memory alone. A site with several processes lets
through up to so many times as much, and a restart begins anew: that is the price of keeping
no address of a client anywhere.
"""

from typing import NamedTuple

WINDOW_SECONDS = 600
"""The shorter of the two windows, which moves; the longer one is the day, for it ends with the salt."""


class Limit(NamedTuple):
    """How often something may come from one network."""

    window: int
    """Within :data:`WINDOW_SECONDS`."""
    day: int
    """Since midnight, UTC."""


FREE = Limit(5, 20)
"""Signatures from one network that nobody has to prove anything for: a family, a small office. It may
be as low as this since more of them are not refused: the browser solves a puzzle, and nobody notices."""

MOST_SIGNATURES = Limit(100, 1_000)
"""Signatures from one network, each with its proof. Mobile carriers put thousands of people behind one
address, so this is high; who signs made-up names that fast still has to have a mailbox for each."""

MOST_POSTS = Limit(200, 2_000)
"""Everything else that supporters send: typed codes, links asked for, confirming, withdrawing. Twice as
many as may sign, for no limit shall stand between people and their withdrawal."""

MOST_AT_THE_DOOR = Limit(30, 300)
"""Passphrases, setup links and recovery codes: no office of organisers comes near it. Each name has a
throttle of its own besides."""

RUSH = 30
"""Signatures a minute in one process from which on everybody is asked for a proof. Of people that would
be a very good day, and they lose a second or two each; of programs it is the beginning."""

GUARDED_SECONDS = 600
"""How long everybody is asked after a rush was seen last."""

MAILBOXES_OF_A_DOMAIN, SIGNATURES_OF_A_DOMAIN = 20, 60
"""A day, from mailboxes under one domain that is no public provider's; further ones are held. Who has a
domain has as many mailboxes as they please. One person may sign all 57 letters, so signatures have
more room than mailboxes."""

TICKET_SECONDS = 20
"""What somebody without JavaScript waits in place of the puzzle."""

PROOF_SECONDS = 600
"""How long a puzzle, or a ticket, may be answered."""

COST, LEAST_TRIES, MOST_TRIES = 2_000, 250, 500
"""The puzzle: rounds of PBKDF2-SHA-256 for each try, and how many tries it takes. From the button to the
next page it takes Chromium a third of a second on one core of a server, and about one where all its
processes get a sixth of their time, as on an old phone. Many cheap tries, since making a puzzle costs the
server one; but not too many, since each costs a browser some calls. PBKDF2 is built into every browser, so
that programs gain little by solving it elsewhere; what needs more memory would need WebAssembly, which the
content security policy forbids."""

MOST_KEYS = 100_000
"""Networks, or domains, that are remembered of one kind; then those seen first are forgotten first."""
