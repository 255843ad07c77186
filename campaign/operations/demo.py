"""Made-up signatories, to look around with; every name says that it is one."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from sqlalchemy import insert, select

from campaign.database.fact import read_fact, save_fact
from campaign.database.session import Database
from campaign.errors import CampaignError
from campaign.reference.participating_state import STATES
from campaign.sealing import box
from campaign.sealing.box import Details
from campaign.sealing.campaign_key import current_key
from campaign.signature import count
from campaign.signature.model import COUNTED, DELEGATION, PUBLIC, Signature

BATCH = 1000

DAYS = 40

FIRST = (
    "Ada",
    "Aigerim",
    "Ben",
    "Clara",
    "Daniyar",
    "Eleni",
    "Farid",
    "Giulia",
    "Hanna",
    "Ivan",
    "Jana",
    "Karim",
)
LAST = (
    "Arden",
    "Bekova",
    "Castell",
    "Dorfler",
    "Esenov",
    "Fontana",
    "Grisham",
    "Holub",
    "Ilić",
    "Jansen",
    "Kováč",
)
TOWNS = ("", "", "Oldtown", "Newbridge", "Lakeside", "Hillford", "Riverton")
BUSY = {"de": 40, "fr": 30, "pl": 25, "it": 20, "gb": 20, "us": 20, "ca": 12, "se": 10, "kz": 5}
"""States with more signatures than others, so that charts have something to show."""

WORDS = ("", "", "", "", "", "I lived there for ten years and I have not forgotten my neighbours.")


def fill(
    database: Database, *, edition: int, number: int, now: datetime, step: Callable[[int], None]
) -> None:
    """Add *number* confirmed signatures by people who do not exist.

    Args:
        database: One that holds no real signature.
        edition: The letter's.
        number: How many.
        now: Their days lie before it.
        step: Called with the size of each batch that is on disk.

    Raises:
        CampaignError: The database holds real signatures.
    """
    with database.writing() as db:
        is_demo = read_fact(db, "demo") is not None
        if not is_demo and db.scalar(select(Signature.id).limit(1)) is not None:
            raise CampaignError("this database holds real signatures: made-up ones are not added to them")
        save_fact(db, "demo", "yes")
    random = Random(secrets.randbits(64))  # noqa: S311 -- nothing here is secret
    done = 0
    while done < number:
        size = min(BATCH, number - done)
        _add(database, random, size, edition=edition, now=now)
        done += size
        step(size)


def _add(database: Database, random: Random, size: int, *, edition: int, now: datetime) -> None:
    with database.writing() as db:
        key = current_key(db)
        rows = [_row(random, key.id, key.public_key, edition, now) for _ in range(size)]
        db.execute(insert(Signature), rows)
        sums: dict[tuple[object, ...], int] = {}
        for row in rows:
            kind = row["state_code"], row["residence"], row["confirmed_on"]
            sums[kind] = sums.get(kind, 0) + 1
        for (state_code, residence, on), confirmed in sums.items():
            count.add(db, state_code, residence, on=on, confirmed=confirmed)  # type: ignore[arg-type]


def _row(random: Random, key_id: UUID, public_key: bytes, edition: int, now: datetime) -> dict[str, object]:
    state = random.choices(list(STATES), weights=[BUSY.get(code, 1) for code in STATES])[0]
    disclosure = random.choices([DELEGATION, PUBLIC, COUNTED], weights=[6, 2, 2])[0]
    on = now.date() - timedelta(days=min(int(random.expovariate(1 / 12)), DAYS))
    words = random.choice(WORDS) if disclosure != COUNTED else ""
    details = Details(
        name=f"{random.choice(FIRST)} {random.choice(LAST)} (demo)",
        email=f"demo-{random.getrandbits(48):x}@example.org",
        town=random.choice(TOWNS),
        words=words,
    )
    is_sealed = disclosure != COUNTED
    return {
        "state_code": state,
        "id": UUID(int=random.getrandbits(128), version=4),
        "edition": edition,
        "language": "en",
        "residence": random.choice([state.upper(), "DE", "FR", "PL", "KZ", "ZZ"]),
        "disclosure": disclosure,
        "signed_on": on,
        "confirmed_on": on,
        "digest": random.randbytes(32),
        "key_id": key_id if is_sealed else None,
        "sealed": box.seal(details, public_key) if is_sealed else None,
        "has_words": bool(words),
    }
