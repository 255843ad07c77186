"""Web server and mail worker are killed at random moments while supporters sign and confirm.

At full size, 5,000 signatures and 30 kills: ``python -m tests.faults.killing [--postgresql]``.
"""

import random
from collections.abc import Iterator

import pytest

from tests.faults.killing import TARGETS, kill_repeatedly
from tests.faults.reconciliation import Reconciliation

pytestmark = pytest.mark.fault

SIGNATURES, KILLS = 300, 8
"""Enough for a suite."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reconciliation]:
    """Kill processes while a crowd signs; then let waiting mails be sent."""
    seed = random.randrange(1_000_000)  # noqa: S311 - no secret
    print(f"seed {seed}")
    moments, folder = random.Random(seed), tmp_path_factory.mktemp("site")  # noqa: S311
    with kill_repeatedly(folder, moments, signatures=SIGNATURES, kills=KILLS) as found:
        yield found


def test_the_crowd_met_nothing_but_a_server_that_was_gone(found: Reconciliation) -> None:
    assert not found.crowd.faults
    assert set(found.deaths) == set(TARGETS)
    assert found.kills >= KILLS


def test_every_signature_that_was_acknowledged_has_its_row(found: Reconciliation) -> None:
    assert not found.lost_signatures()


def test_every_signature_that_was_acknowledged_got_its_mail(found: Reconciliation) -> None:
    assert not found.without_mail()


def test_each_death_repeats_one_mail_at_most_and_a_mailbox_can_tell(found: Reconciliation) -> None:
    assert found.repeated_mails() <= found.kills


def test_every_confirmation_and_withdrawal_that_was_acknowledged_is_on_disk(found: Reconciliation) -> None:
    assert not found.lost_confirmations()
    assert not found.lost_withdrawals()


def test_the_counts_equal_the_rows(found: Reconciliation) -> None:
    assert not found.miscounts()
    recounted = found.site.run("recount")
    assert (recounted.returncode, recounted.stdout) == (0, "The counts equal the rows.\n")
