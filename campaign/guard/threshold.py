"""Thresholds of the rate limits, the surge detection and the proofs of work, each with its reason.

Unless it says otherwise, each web process counts for itself, in memory only, so that no client's address
is stored anywhere. A site with several processes therefore lets through up to that many times as much,
and a restart sets every counter to zero.
"""

from typing import NamedTuple

WINDOW_SECONDS = 600
"""Length of the sliding window. The second period is the day (UTC), since the salt changes with it."""


class Limit(NamedTuple):
    """How many requests of one kind a network may send."""

    per_window: int
    """Within :data:`WINDOW_SECONDS`."""
    per_day: int
    """Since midnight, UTC."""


FREE_SIGNATURES = Limit(5, 20)
"""Signatures from one network without a proof of work: a family, a small office. The limit can be this
low because further signatures are not refused: the browser solves a puzzle, and nobody notices."""

MAX_SIGNATURES = Limit(100, 1_000)
"""Signatures from one network, each with its proof. Mobile carriers put thousands of people behind one
address, so this is high; made-up signatures that fast still need a mailbox each."""

FIRST_MAILS = Limit(5, 5)
"""Signatures a day from one network under one mail domain whose mails wait for no flood: some colleagues."""

MAX_POSTS = Limit(200, 2_000)
"""All other forms that supporters send: typed codes, link requests, confirmations, withdrawals. Twice
as many as signatures, because no limit may stop people from withdrawing."""

FREE_LOGINS = Limit(30, 300)
"""Logins from one network without a proof of work: no office of organisers comes near it."""

FREE_LOGINS_TO_A_NAME, FREE_LOGINS_TO_A_NAME_FROM_A_NETWORK = Limit(10, 100), Limit(5, 50)
"""Logins with one name, from anywhere and from one network, without a proof. Beyond it a guesser solves a
puzzle for each guess, and so does the organiser, whom no number of guesses locks out."""

KNOWN_BROWSERS_LOGINS, OWN_ATTEMPTS = Limit(10, 100), Limit(10, 100)
"""Logins of a browser that logged in before, and passphrases in one session: both apart from strangers'."""

SURGE_PER_MINUTE = 30
"""Signatures a minute in one process above which every signature needs a proof. For people that would be
a very good day, and a proof costs each of them a second or two; for a program it is only the start."""

SURGE_SECONDS = 600
"""How long a surge lasts after the last minute above :data:`SURGE_PER_MINUTE`."""

CONFIRMED_PER_LETTER, CONFIRMED_PER_DOMAIN = 20, 60
"""Confirmed signatures a day, of one letter and of all, for a domain that is no public mail provider's;
further ones are held. The owner of a domain can make any number of mailboxes, and each counts once for a
letter. One person may sign all 57. These alone are counted in the database, for all processes."""

TICKET_SECONDS = 20
"""How long a browser without JavaScript waits instead of solving the puzzle."""

PLACE_SECONDS = 120
"""How long the ticket of a refused login keeps the place in the line: short, or tickets could be hoarded."""

PROOF_SECONDS = 600
"""How long a puzzle or a ticket is valid."""

PUZZLE_COST, MIN_TRIES, MAX_TRIES = 2_000, 250, 500
"""PBKDF2-SHA-256 rounds for each try, and how many tries a puzzle takes. From the button to the next
page, Chromium needs a third of a second on one core of a server, and about one second with a sixth of a
core, as on an old phone. Many cheap tries, since making a puzzle costs the server one try; but not too
many, since each try costs the browser some calls. PBKDF2 is built into every browser, so that programs
gain little by solving puzzles elsewhere; a memory-hard function would need WebAssembly, which the
content security policy forbids."""

MAX_KEYS = 100_000
"""Networks, or domains, counted at the same time; beyond that the oldest is evicted."""
