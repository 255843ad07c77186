"""Thresholds of the rate limits, the surge detection and the proofs of work, each with its reason.

Unless it says otherwise, each web process counts for itself, in memory only, so that no client's address
is stored anywhere. A site with several processes therefore lets through up to that many times as much,
and a restart sets every counter to zero.
"""

from typing import NamedTuple

PERIOD_SECONDS, DAY_SECONDS = 600, 86_400
"""Lengths of the two periods. The short ones follow each other from the start of the process, a day begins
at midnight (UTC); where two meet, twice as much may pass."""


class Bounds(NamedTuple):
    """Where a limit may lie; it is drawn for each kind of request, each network and each period.

    The wider they are, the less does the last free request tell about another's: somebody who shares the
    network is sure of one act more in one of as many periods as there are numbers within the bounds.
    """

    lowest: int
    highest: int


class Limit(NamedTuple):
    """How many requests of one kind a network may send."""

    per_period: Bounds
    """Within :data:`PERIOD_SECONDS`."""
    per_day: Bounds
    """Since midnight, UTC."""


FREE_SIGNATURES = Limit(Bounds(5, 12), Bounds(20, 35))
"""Signatures from one network without a proof of work: a family, a small office. The limit can be this
low because further signatures are not refused: the browser solves a puzzle, and nobody notices."""

MAX_SIGNATURES = Limit(Bounds(80, 120), Bounds(800, 1_200))
"""Signatures from one network, each with its proof. Mobile carriers put thousands of people behind one
address, so this is high; made-up signatures that fast still need a mailbox each."""

MAX_LETTERS = Limit(Bounds(800, 1_300), Bounds(4_000, 4_600))
"""Letters signed from one network. One form may sign all 57. It counts once for the limits above: otherwise
it would move their counts by more than their bounds, and a neighbour would notice it. These bounds are nine
times as wide as the largest form."""

FIRST_MAILS = Limit(Bounds(5, 12), Bounds(5, 12))
"""Signatures a day from one network under one mail domain whose mails wait for no flood: some colleagues."""

MAX_LINK_REQUESTS = Limit(Bounds(150, 250), Bounds(1_500, 2_500))
"""Requests for the link again. Codes, which nobody guesses, and the private page's buttons have no limit: it
would keep people behind one address from withdrawing, and tell one of them when another does. Each post
costs what opening the page does, a look-up of its token."""

FREE_LOGINS = Limit(Bounds(30, 45), Bounds(250, 400))
"""Logins from one network without a proof of work: no office of organisers comes near it."""

FREE_LOGINS_TO_A_NAME = Limit(Bounds(13, 24), Bounds(80, 120))
FREE_LOGINS_TO_A_NAME_FROM_A_NETWORK = Limit(Bounds(5, 12), Bounds(40, 65))
"""Logins with one name, from anywhere and from one network, without a proof. Beyond it a guesser solves a
puzzle for each guess, and so does the organiser, whom no number of guesses locks out. A login that succeeds
is taken back, so that strangers do not learn of it."""

KNOWN_BROWSERS_LOGINS, OWN_ATTEMPTS = (Limit(Bounds(10, 10), Bounds(100, 100)),) * 2
"""Logins of a browser that logged in before, and passphrases in one session: both apart from strangers',
so that these limits need not be drawn."""

SURGE_PER_MINUTE = Bounds(25, 40)
"""Signatures a minute in one process above which every signature needs a proof; drawn each minute, or the
31st would tell whether anybody else signed. For people that would be a very good day, and a proof costs
each of them a second or two; for a program it is only the start."""

SURGE_SECONDS = 600
"""How long a surge lasts after the last minute above :data:`SURGE_PER_MINUTE`."""

CONFIRMED_PER_LETTER, CONFIRMED_PER_DOMAIN = 20, 60
"""Confirmed signatures of one letter, and links that confirmed anything, a day for a domain that is no
public mail provider's; further ones are held. The owner of a domain can make any number of mailboxes, and
each counts once for a letter. One link may confirm all 57, so 20 mailboxes make 1,140 signatures, and more
mailboxes make no more. These alone are counted in the database, for all processes."""

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
