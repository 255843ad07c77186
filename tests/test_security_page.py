"""What SECURITY.md points at is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / ".github" / "SECURITY.md").read_text()


def test_every_file_that_shows_a_claim_exists() -> None:
    named = set(re.findall(r"`((?:\w+/)*\w+\.py)`", PAGE))

    assert len(named) > 20
    assert [
        name for name in sorted(named) if not ((ROOT / "tests" / name).exists() or (ROOT / name).exists())
    ] == []


def test_it_is_short_enough_to_be_read() -> None:
    assert len(PAGE.splitlines()) <= 150
