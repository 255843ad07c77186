"""Tasks of this process, whose clock the test moves, and mails for them to send."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from campaign.database.session import Database
from campaign.mail import dispatch, outbox
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.worker import tasks
from campaign.worker.tasks import Tasks
from tests.conftest import Clock
from tests.worker.outbox_rows import ADDRESS


@pytest.fixture
def put_at(database: Database, keys: ServerKeys) -> Callable[..., None]:
    """Commit mails to the outbox at a given time, as signing does."""

    def put_at(
        now: datetime,
        number: int = 1,
        *,
        recipient: str = ADDRESS,
        purpose: str = "confirm",
        **params: object,
    ) -> None:
        with database.writing() as db:
            for n in range(number):
                outbox.add(
                    db,
                    keys,
                    purpose=purpose,
                    language="en",
                    recipient=recipient.replace("@", f"{n}@", 1) if number > 1 else recipient,
                    params=params or {"token": f"{n:020}"},
                    now=now - timedelta(microseconds=number - n),  # so that they have an order
                )

    return put_at


@pytest.fixture
def put(put_at: Callable[..., None], clock: Clock) -> Callable[..., None]:
    """Commit mails to the outbox now."""

    def put(number: int = 1, **mail: object) -> None:
        clock.forward(seconds=1)
        put_at(clock(), number, **mail)

    return put


@pytest.fixture
def build(
    settings: Settings, database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Tasks]]:
    """Build the tasks for a relay's address; they wait for further mails only briefly."""
    monkeypatch.setattr(dispatch, "IDLE_SECONDS", 0.02)
    monkeypatch.setattr(dispatch, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(tasks, "RETRY_SECONDS", (0, 0, 0))
    built: list[Tasks] = []

    def build(smtp_url: str = "", **options: object) -> Tasks:
        options = {"clock": clock, **options}
        built.append(Tasks(replace(settings, smtp_url=smtp_url), database, **options))  # type: ignore[arg-type]
        return built[-1]

    yield build
    for each in built:
        each.close()
