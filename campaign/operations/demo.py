"""Fill an empty database with a made-up campaign; every name says that it is made up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from math import exp
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database.fact import read_fact, save_fact
from campaign.database.session import Database
from campaign.disclosure import safety_list
from campaign.errors import CampaignError
from campaign.reference.language import Language
from campaign.reference.participating_state import STATES
from campaign.reference.residence import UNSTATED
from campaign.sealing import box, row_mac
from campaign.sealing.box import Details
from campaign.sealing.campaign_key import CampaignKey, current_key
from campaign.signature import count
from campaign.signature.model import APPROVED, COUNTED, DELEGATION, PUBLIC, Signature, context_of_columns
from campaign.signature.signature_mac import new_macs

BATCH_ROWS = 1000

DAYS = 56
"""Length of the campaign so far."""

COUNTING_PER_EXTRA = 40
"""Signatures that count for each pending one, and for each withdrawn one."""

REVIEW_DAYS = 3
"""How long organisers take to approve names and words."""

FIRST_NAMES = (
    "Ada Aigerim Ben Clara Daniyar Eleni Farid Giulia Hanna Ivan Jana Karim Lena Marat Nadia Otto Paula"
    " Rustam Sofia Timur Ulla Viktor Yara Zoe"
)
LAST_NAMES = (
    "Arden Bekova Castell Dorfler Esenov Fontana Grisham Holub Ilić Jansen Kováč Lindqvist Moreau Novak"
    " Omarova Pereira Rossi Sahin Tammik Ustinov Varga Winter Yilmaz Zielińska"
)
TOWNS = ("", "", "Oldtown", "Newbridge", "Lakeside", "Hillford", "Riverton")
WORDS = (
    "I lived there for ten years and I have not forgotten my neighbours.",
    "My students ask me what their signatures can change. Please show them.",
    "Sanctions law exists for cases like this one.\n\nPlease use it.",
)
WORDS_SHARE = 0.12

STATE_WEIGHTS = {"de": 40, "fr": 30, "pl": 25, "it": 20, "gb": 20, "us": 20, "ca": 12, "se": 10, "kz": 5}
"""Relative numbers of signatures; states that are not listed have 1."""

RESIDENCES = ("DE", "FR", "PL", "TR", "KZ", UNSTATED)
"""Residences of signatories who live outside the state that they write to."""

DISCLOSURE_WEIGHTS = {DELEGATION: 6, PUBLIC: 2, COUNTED: 2}
ENDANGERED_DISCLOSURE_WEIGHTS = {DELEGATION: 2, COUNTED: 8}
"""The form publishes no name of a resident of a place where signing is dangerous."""

WITHDRAWN = dict.fromkeys(("digest", "key_id", "sealed", "public_name", "name_review", "words_review")) | {
    "has_words": False,
    "to_strike": True,
}
"""The columns that a withdrawal erases or sets."""


def fill(
    database: Database,
    appeal: Appeal,
    *,
    edition: int,
    number: int,
    now: datetime,
    step: Callable[[int], None],
    seed: int = 0,
) -> None:
    """Add *number* made-up signatures that count, and some pending and withdrawn ones.

    The same *seed* in the same database gives the same campaign.

    Args:
        database: A database without real signatures.
        appeal: The campaign's content, for the residences where no name is published.
        edition: The letter's edition.
        number: Signatures that count.
        now: The campaign's last moment; it began 56 days before.
        step: Called with the number of signatures of each committed batch.
        seed: Start value of the random numbers.

    Raises:
        CampaignError: The database contains real signatures.
    """
    with database.writing() as db:
        earlier = db.scalar(select(func.count()).select_from(Signature)) or 0
        if earlier and read_fact(db, "demo") is None:
            raise CampaignError("this database holds real signatures: made-up ones are not added to them")
        save_fact(db, "demo", "yes")
        endangered = safety_list.current_lists(db, appeal).endangered_residences
    # A second run continues with other random numbers, or its ids would be those of the first.
    random = Random(f"{seed}/{earlier}")  # noqa: S311 -- not used for secrets
    states = list(STATES) if number >= 2 * len(STATES) else []  # each state has at least one signature
    for done in range(0, number, BATCH_ROWS):
        size = min(BATCH_ROWS, number - done)
        with database.writing() as db:
            made_up = _MadeUp(random, current_key(db), edition, appeal.languages, endangered, now.date())
            _insert(db, made_up.batch(states[done : done + size], size))
        step(size)


@dataclass(frozen=True)
class _MadeUp:
    """A source of made-up rows."""

    random: Random
    key: CampaignKey
    edition: int
    languages: Sequence[Language]
    endangered: frozenset[str]
    today: date

    def batch(self, first_states: Sequence[str], size: int) -> list[dict[str, Any]]:
        """Return *size* signatures that count, *first_states* among them, and some that do not."""
        states = [*first_states, *self._choose_states(size - len(first_states))]
        extra = size // COUNTING_PER_EXTRA
        return [
            *(self._confirmed(state) for state in states),
            *(self._withdrawn(state) for state in self._choose_states(extra)),
            *(self._pending(state) for state in self._choose_states(extra)),
        ]

    def _choose_states(self, number: int) -> list[str]:
        return self.random.choices(
            list(STATES), weights=[STATE_WEIGHTS.get(code, 1) for code in STATES], k=number
        )

    def _confirmed(self, state: str) -> dict[str, Any]:
        [day] = self.random.choices(range(DAYS), weights=_day_weights(self.today))
        confirmed_on = self.today - timedelta(days=day)
        row = self._row(state, signed_on=confirmed_on - timedelta(days=self.random.choice((0, 0, 0, 1))))
        return self._reviewed(row | {"confirmed_on": confirmed_on})

    def _withdrawn(self, state: str) -> dict[str, Any]:
        row = self._confirmed(state)
        withdrawn_on = min(self.today, row["confirmed_on"] + timedelta(days=self.random.randrange(10)))
        return row | WITHDRAWN | {"withdrawn_on": withdrawn_on}

    def _pending(self, state: str) -> dict[str, Any]:
        return self._row(state, signed_on=self.today - timedelta(days=self.random.randrange(3)))

    def _row(self, state: str, *, signed_on: date) -> dict[str, Any]:
        random = self.random
        residence = state.upper() if random.random() < 0.6 else random.choice(RESIDENCES)
        weights = ENDANGERED_DISCLOSURE_WEIGHTS if residence in self.endangered else DISCLOSURE_WEIGHTS
        [disclosure] = random.choices(list(weights), weights=list(weights.values()))
        row = {
            "state_code": state,
            "id": UUID(int=random.getrandbits(128), version=4),
            "edition": self.edition,
            "language": random.choice(self.languages).code,
            "residence": residence,
            "disclosure": disclosure,
            "signed_on": signed_on,
            "digest": random.randbytes(32),
            "organisers_only": False,
        }
        columns = ("confirmed_on", "withdrawn_on", "public_name", "name_review", "words_review", "key_id")
        return row | dict.fromkeys(columns) | self._sealed(row)

    def _sealed(self, row: dict[str, Any]) -> dict[str, Any]:
        if row["disclosure"] == COUNTED:
            return {"sealed": None, "has_words": False, "to_strike": False}
        random = self.random
        details = Details(
            name=f"{random.choice(FIRST_NAMES.split())} {random.choice(LAST_NAMES.split())} (demo)",
            email=f"demo-{random.getrandbits(48):x}@example.org",
            town=random.choice(TOWNS),
            words=random.choice(WORDS) if random.random() < WORDS_SHARE else "",
        )
        return {
            "key_id": self.key.id,
            "sealed": box.seal(details, self.key.public_key, context_of_columns(row)),
            "public_name": details.name if row["disclosure"] == PUBLIC else None,
            "has_words": bool(details.words),
            "to_strike": False,
        }

    def _reviewed(self, row: dict[str, Any]) -> dict[str, Any]:
        """Approve the name and the words of an earlier signature; a later one still waits."""
        is_reviewed = row["confirmed_on"] < self.today - timedelta(days=REVIEW_DAYS)
        return row | {
            "public_name": row["public_name"] if is_reviewed else None,
            "name_review": APPROVED if is_reviewed and row["public_name"] else None,
            "words_review": APPROVED if is_reviewed and row["has_words"] else None,
        }


@cache
def _day_weights(today: date) -> list[float]:
    """Return weights of the days back from *today*: growth, quiet weekends, a peak at the launch."""
    weights = []
    for ago in range(DAYS):
        day = DAYS - 1 - ago
        weekday = (today - timedelta(days=ago)).weekday()
        weights.append((1 + 0.6 * day / DAYS + 5 * exp(-day / 4)) * (0.6 if weekday >= 5 else 1.1))
    return weights


def _insert(db: Session, rows: list[dict[str, Any]]) -> None:
    key = db.info[row_mac.KEY]
    db.execute(insert(Signature), [row | new_macs(key, row) for row in rows])
    changes: dict[count.CountKey, tuple[int, int]] = {}
    for row in rows:
        for column, change in (("confirmed_on", (1, 0)), ("withdrawn_on", (0, 1))):
            if row[column] is not None:
                key = row["state_code"], row["residence"], row[column]
                confirmed, withdrawn = changes.get(key, (0, 0))
                changes[key] = confirmed + change[0], withdrawn + change[1]
    count.add_all(db, changes)
