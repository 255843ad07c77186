"""Links that share letters act at the same moment: nothing deadlocks, and the count stays exact."""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import func, select

from campaign.database.session import Database
from campaign.errors import CampaignError
from campaign.sealing.address_digest import AddressDigests
from campaign.sealing.box import Details
from campaign.sealing.server_key import ServerKeys
from campaign.signature import count
from campaign.signature.confirm import Confirmation, confirm
from campaign.signature.model import Signature
from campaign.signature.opened_link import open_link
from campaign.signature.recount import compare
from campaign.signature.replace import replace
from campaign.signature.shown import Shown
from campaign.signature.sign import Signing
from campaign.signature.sign import sign as sign_all
from campaign.signature.withdraw import disclose, withdraw
from tests.conftest import NOW
from tests.signature.test_several_letters import sign
from tests.support.factories import make_owner

pytestmark = [pytest.mark.fault, pytest.mark.both_databases]

LETTERS = ("at", "be", "ch", "de", "es", "fr")
DAYS: dict[str, Any] = {"now": NOW, "confirmation_days": 7}
ROUNDS = 12
SIGN_AGAIN = 0.2


def signing(keys: ServerKeys, letters: Sequence[str], email: str = "mara0@smallngo.example") -> Signing:
    return Signing(
        state_code=letters[0],
        also=dict.fromkeys(letters[1:], False),
        details=Details(name="Mara Example", email=email),
        digests=AddressDigests.of(keys, email),
        residence="FR",
        disclosure="delegation",
        language="en",
        edition=1,
    )


def shown(database: Database, keys: ServerKeys, token: str) -> list[Shown]:
    """Return what the page of the link shows of each letter."""
    with database.reading() as db:
        link = open_link(db, token, keys=keys, **DAYS)
        return [each.shown for group in link.groups for each in group.pending] + list(
            map(Shown.of, link.confirmed)
        )


def act(database: Database, keys: ServerKeys, token: str, chance: random.Random) -> None:
    """Sign some letters again, or press a button for some letters of the page."""
    if chance.random() < SIGN_AGAIN:
        letters = chance.sample(LETTERS, len(LETTERS))
        with database.writing() as db:
            sign_all(db, [signing(keys, letters)], keys=keys, **DAYS)
        return
    pages = shown(database, keys, token)
    if not pages:
        return
    chosen = chance.sample(pages, chance.randint(1, len(pages)))
    chance.shuffle(chosen)
    acts: Mapping[str, Callable[[Any], object]] = {
        "confirm": lambda db: confirm(db, [Confirmation(token, tuple(chosen))], keys=keys, **DAYS),
        "replace": lambda db: replace(db, token, pages=chosen, keys=keys, **DAYS),
        "disclose": lambda db: disclose(db, token, "public", pages=chosen, **DAYS),
        "withdraw": lambda db: withdraw(db, token, pages=chosen[:1], **DAYS),
    }
    kinds = [*acts, "confirm", "replace", "confirm"]
    try:
        with database.writing() as db:
            acts[chance.choice(kinds)](db)
    except CampaignError:
        pass  # the page showed something else: nothing was done


def test_buttons_of_links_that_share_letters_are_pressed_at_once(
    database: Database, keys: ServerKeys
) -> None:
    with database.session(writes=True) as db:
        make_owner(db)
        tokens = []
        # Two mailboxes, each with two links, which name the letters in different orders.
        for turn in range(4):
            order = LETTERS if turn % 2 else LETTERS[::-1]
            email = f"mara{turn // 2}@smallngo.example"
            tokens.append(sign(db, keys, *order, email=email))
    failures: list[BaseException] = []

    def press(number: int, token: str) -> None:
        chance = random.Random(number)  # noqa: S311 -- no secret
        try:
            for _ in range(ROUNDS):
                act(database, keys, token, chance)
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=press, args=pair) for pair in zip(range(8), cycle(tokens), strict=False)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert failures == []
    with database.session() as db:
        assert compare(db) == []
        mailboxes = select(Signature.state_code, Signature.digest, func.count()).where(
            Signature.confirmed_on.is_not(None), Signature.withdrawn_on.is_(None)
        )
        counting = db.execute(mailboxes.group_by(Signature.state_code, Signature.digest)).all()
        assert all(number == 1 for _state, _digest, number in counting)
        assert sum(count.by_state(db).values()) == len(counting)
