from pathlib import Path

import pytest

from campaign.errors import TooManyAttemptsError
from campaign.organiser.argon2_lock import argon2_lock


def test_one_passphrase_is_stretched_at_a_time(tmp_path: Path) -> None:
    with (
        argon2_lock(tmp_path),
        pytest.raises(TooManyAttemptsError),
        argon2_lock(tmp_path, patience_seconds=0.1),
    ):
        pass
    with argon2_lock(tmp_path, patience_seconds=0.1):
        pass
