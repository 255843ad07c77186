"""During a flood of made-up signatures, those of supporters count, and pages are served.

``python -m tests.bench.flood`` does the same with five thousand.
"""

from pathlib import Path

import pytest

from campaign.cli.serve import THREADS
from campaign.guard.threshold import CONFIRMED_PER_DOMAIN, FREE_SIGNATURES, MAX_SIGNATURES
from tests.faults.flooding import flood, live, people
from tests.faults.serving import serving
from tests.support.relay import relay

pytestmark = pytest.mark.fault

PEOPLE, NETWORKS, OF_MANY, OF_ONE = 9, 30, 150, 140


def test_a_flood_counts_for_next_to_nothing_and_keeps_nobody_from_being_counted(tmp_path: Path) -> None:
    many = flood(OF_MANY, networks=NETWORKS, domains=1, name="many", solving=1)
    one = flood(OF_ONE, networks=1, domains=1, name="one", solving=1)
    real = people(PEOPLE, borrowed=[many[0].network, many[1].network])
    with (
        relay() as mails,
        serving(tmp_path, smtp_url=mails.url, trusted_proxies="1", unlimited_networks="") as site,
    ):
        outcome = live(site, mails, many + one, real, is_patient=False)

    # One domain that takes every address: its threshold counts a day, whatever is confirmed.
    assert PEOPLE <= outcome.counted <= PEOPLE + CONFIRMED_PER_DOMAIN
    assert outcome.held["domain"] + outcome.held["network"] + outcome.held[None] == outcome.signed[303]
    assert outcome.held["network"] >= MAX_SIGNATURES.per_period.lowest - FREE_SIGNATURES.per_period.highest
    # Signatures beyond a network's limit are rejected, but for a few simultaneous ones.
    assert outcome.signed[429] >= OF_ONE - MAX_SIGNATURES.per_period.highest - THREADS
    assert {page.status for page in outcome.pages} == {200}
    assert len(outcome.pages) > 20
