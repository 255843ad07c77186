"""Web server and mail worker killed at any instruction between signing, the mail, and confirming.

The same at full size, 5,000 signatures and 30 kills: ``python -m tests.faults.killing [--postgresql]``.
"""

import random
from collections.abc import Iterator

import pytest

from tests.faults.aftermath import Aftermath
from tests.faults.killing import DEATHS, killed

pytestmark = pytest.mark.fault

SIGNATURES, KILLS = 300, 8
"""What a suite has time for."""


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    """Kill everything again and again under a crowd; then let what waits be sent."""
    seed = random.randrange(1_000_000)  # noqa: S311 - no secret
    print(f"seed {seed}")
    moments, folder = random.Random(seed), tmp_path_factory.mktemp("site")  # noqa: S311
    with killed(folder, moments, signatures=SIGNATURES, kills=KILLS) as found:
        yield found


def test_the_crowd_met_nothing_but_a_server_that_was_gone(aftermath: Aftermath) -> None:
    assert not aftermath.crowd.faults
    assert set(aftermath.deaths) == set(DEATHS)
    assert aftermath.kills >= KILLS


def test_every_signature_that_was_acknowledged_has_its_row(aftermath: Aftermath) -> None:
    assert not aftermath.lost_signatures()


def test_every_signature_that_was_acknowledged_got_its_mail(aftermath: Aftermath) -> None:
    assert not aftermath.without_mail()


def test_each_death_repeats_one_mail_at_most_and_a_mailbox_can_tell(aftermath: Aftermath) -> None:
    assert aftermath.repeated_mails() <= aftermath.kills


def test_every_confirmation_and_withdrawal_that_was_acknowledged_is_on_disk(aftermath: Aftermath) -> None:
    assert not aftermath.lost_confirmations()
    assert not aftermath.lost_withdrawals()


def test_the_counts_equal_the_rows(aftermath: Aftermath) -> None:
    assert not aftermath.miscounts()
    recounted = aftermath.site.run("recount")
    assert (recounted.returncode, recounted.stdout) == (0, "The counts equal the rows.\n")
