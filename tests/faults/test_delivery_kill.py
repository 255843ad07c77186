"""Kill the process of a delivery at every step: it is known what was sent, and nothing is sent twice."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database.session import Database
from campaign.delivery import delegation, readiness
from campaign.delivery.delegation import Address
from campaign.delivery.model import LONGEST_SENDING, Delivery
from campaign.delivery.order import Sender
from campaign.delivery.send import send
from campaign.errors import DeliveryError
from campaign.operations import start
from campaign.organiser.account import Unlocked
from campaign.organiser.organisation import Organisation, save_organisation
from campaign.reference.participating_state import STATES, ParticipatingState
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.worker import schedule
from campaign.worker.job import Run
from tests.conftest import NOW, SECRET, Clock
from tests.faults.interrupted_delivery import DE, HaltingRelay, Sending, halting_relay, order, sending
from tests.faults.serving import Server
from tests.support.factories import PASSPHRASE, make_owner, make_signature
from tests.support.worker import eventually

pytestmark = pytest.mark.fault

BLOCKED_SECONDS = 0.3

BEFORE_SENDING = ("BANNER", "EHLO", "MAIL", "RCPT")

WHILE_SENDING = ("DATA", "CONTENT", "END", "QUIT")

FEWEST_STEPS = 6
"""Steps in which a delivery changes the database, commits included."""


@dataclass
class Office:
    """A site with everything ready for one delivery."""

    database: Database
    settings: Settings
    appeal: Appeal
    keys: ServerKeys
    owner: Unlocked
    clock: Clock

    def send(self, relay: HaltingRelay, **how: tuple[str, ...]) -> Delivery:
        """Send a new delivery from this process, as an organiser who looked at a new preview."""
        settings = replace(self.settings, smtp_url=relay.url)
        sender = Sender(
            database=self.database,
            settings=settings,
            appeal=self.appeal,
            organiser=self.owner,
            clock=self.clock,
        )
        with self.database.reading() as db:
            latest = readiness.of_state(db, DE).latest_reached
        return send(sender, replace(order(uuid4(), **how), latest_id=latest.id if latest else None))

    def sending(self, relay: HaltingRelay, **how: Any) -> AbstractContextManager[Sending]:
        """Send from another process; see :func:`tests.faults.interrupted_delivery.sending`."""
        settings = replace(self.settings, smtp_url=relay.url)
        return sending(settings, name=self.owner.name, passphrase=PASSPHRASE, now=self.clock(), **how)

    def kill_at(self, word: str, *, is_locked: bool = False) -> HaltingRelay:
        """Send from another process, and kill it when the relay hears *word*.

        Args:
            word: A word of the SMTP dialogue.
            is_locked: Let the relay answer *word*, but block every later write to the database.
        """
        with halting_relay(word) as relay, self.sending(relay) as other:
            other.wait_for(relay.reached)
            if is_locked:
                with locked(self.database):
                    relay.released.set()
                    time.sleep(BLOCKED_SECONDS)
                    other.kill()
        return relay

    def expect_letter_to(self, state: ParticipatingState) -> None:
        """Enter the address of a state's delegation, and let one person sign the letter to it."""
        code = state.code
        with self.database.session(writes=True) as db:
            address = Address(code, f"{code}@missions.example.org", "a call", NOW.date())
            delegation.save(db, address, by="Olga", now=NOW)
            make_signature(db, self.keys, state=code)
            db.commit()

    def statuses(self) -> dict[str, str]:
        """Return the status of each letter's latest delivery, by state."""
        with self.database.reading() as db:
            rows = db.execute(select(Delivery.state_code, Delivery.status).order_by(Delivery.prepared_at))
            return {row.state_code: row.status for row in rows}

    def let_time_pass(self) -> None:
        """Restart and run the periodic tasks until long after the interruption."""
        for _ in range(3):
            self.clock.forward(seconds=LONGEST_SENDING.total_seconds() / 2 + 1)
            start.prepare(self.database, self.settings, self.appeal, now=self.clock())
            for entry in schedule.SCHEDULE:
                with self.database.session(writes=True) as db:
                    entry.run(Run(settings=self.settings, database=self.database, db=db, now=self.clock()))
                    db.commit()


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Lock deliveries against other writers during the block."""
    with database.writing() as db:
        if not database.is_sqlite:
            db.execute(text("LOCK TABLE delivery IN ACCESS EXCLUSIVE MODE"))
        db.execute(select(Delivery))
        yield


@pytest.fixture
def office(
    db: Session, keys: ServerKeys, database: Database, settings: Settings, appeal: Appeal, clock: Clock
) -> Office:
    owner = make_owner(db)
    save_organisation(db, Organisation("Example Foundation", "Exampletown", "office@example.org"))
    db.commit()
    office = Office(database, settings, appeal, keys, owner, clock)
    office.expect_letter_to(DE)
    return office


# What a kill between commits leaves is tested on both databases below, with the locks of each.
@pytest.mark.any_database
@pytest.mark.parametrize("word", BEFORE_SENDING)
def test_a_delivery_killed_before_sending_stays_prepared_and_can_be_sent(office: Office, word: str) -> None:
    killed = office.kill_at(word)

    assert office.statuses() == {"de": "prepared"}
    office.let_time_pass()
    assert office.statuses() == {"de": "prepared"}
    assert not killed.messages
    with halting_relay("") as relay:
        assert office.send(relay).status == "accepted"
        assert len(relay.messages) == 1


@pytest.mark.any_database
@pytest.mark.parametrize("word", WHILE_SENDING)
def test_a_delivery_killed_while_sending_becomes_uncertain(office: Office, word: str) -> None:
    killed = office.kill_at(word)

    assert office.statuses() == {"de": "sending"}
    assert len(killed.messages) == (1 if word in {"END", "QUIT"} else 0)
    office.let_time_pass()
    assert office.statuses() == {"de": "uncertain"}


@pytest.mark.any_database
def test_a_delivery_killed_before_any_write_has_a_status_that_is_true(office: Office) -> None:
    sent: dict[str, int] = {}
    for step, state in enumerate(STATES.values(), 1):
        office.expect_letter_to(state)
        with halting_relay("") as relay, office.sending(relay, state=state, dies_at=step) as other:
            has_ended = other.process.wait(120) == 0
        sent[state.code] = len(relay.messages)
        if has_ended:
            break
    office.let_time_pass()

    statuses = office.statuses()
    seen = {(statuses.get(code), number) for code, number in sent.items()}
    assert seen == {(None, 0), ("prepared", 0), ("uncertain", 1), ("accepted", 1)}
    assert len(sent) > FEWEST_STEPS


def test_a_delivery_killed_before_its_first_write_leaves_nothing(office: Office) -> None:
    with halting_relay("BANNER") as relay:
        with locked(office.database), office.sending(relay) as other:
            other.wait_until_begun()
            time.sleep(BLOCKED_SECONDS)
            other.kill()
        assert not relay.reached.is_set()

    office.let_time_pass()
    assert office.statuses() == {}


def test_a_delivery_killed_before_sending_is_committed_sends_nothing(office: Office) -> None:
    killed = office.kill_at("RCPT", is_locked=True)

    assert not killed.messages
    office.let_time_pass()
    assert office.statuses() == {"de": "prepared"}


def test_a_delivery_killed_before_acceptance_is_committed_is_sent_again_only_by_an_organiser(
    office: Office,
) -> None:
    killed = office.kill_at("END", is_locked=True)

    assert len(killed.messages) == 1
    with halting_relay("") as relay:
        with pytest.raises(DeliveryError, match="sending"):
            office.send(relay)
        office.let_time_pass()
        assert office.statuses() == {"de": "uncertain"}
        with pytest.raises(DeliveryError, match="sent_before"):
            office.send(relay, confirmed=())
        assert not relay.messages

        assert office.send(relay).status == "accepted"
        assert len(relay.messages) == 1, "an organiser decided so"


@pytest.mark.any_database
def test_a_restarted_site_sends_no_interrupted_delivery(office: Office, tmp_path: Path) -> None:
    office.kill_at("END")
    long_ago = datetime.now(UTC) - LONGEST_SENDING - timedelta(seconds=1)
    with office.database.writing() as db:
        db.execute(update(Delivery).values(sending_at=long_ago))
    with halting_relay("") as relay:
        site = Server(
            tmp_path,
            database_url=office.settings.database_url,
            secret_key=SECRET,
            smtp_url=relay.url,
        )
        try:
            site.start()
            assert office.statuses() == {"de": "uncertain"}
            assert site.browser().sign("fr").is_done
            assert eventually(lambda: relay.messages)
        finally:
            site.kill()

        assert [message for message in relay.messages if b"de@missions.example.org" in message] == []
