"""The emergency erasure on a full disk: who fills it first must not prevent the erasure."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.serving import environment, run, serving
from tests.faults.small_disk import fill, small_disk

pytestmark = pytest.mark.fault


def left_in(path: Path) -> dict[str, int]:
    """Return how much is left in the database at *path* of what opens names, and of names."""
    counted = {
        "wrappings": "SELECT count(*) FROM key_wrapping",
        "public keys": "SELECT count(*) FROM campaign_key WHERE length(public_key) > 0",
        "keys of digests": "SELECT count(*) FROM site WHERE name = 'digest_key'",
        "mails": "SELECT count(*) FROM outbox",
        "boxes": "SELECT count(*) FROM signature WHERE sealed IS NOT NULL",
    }
    with closing(sqlite3.connect(path)) as connection:
        return {name: connection.execute(query).fetchone()[0] for name, query in counted.items()}


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
def test_a_full_disk_prevents_no_emergency_erasure(tmp_path: Path, is_running: bool) -> None:
    with small_disk(tmp_path / "disk") as disk:
        instance = disk / "instance"
        with serving(tmp_path, instance=str(instance), smtp_url="smtp://127.0.0.1:1") as site:
            assert site.browser().sign(email="mara@example.org").is_done
            if not is_running:
                site.kill()
            assert all(left_in(instance / "campaign.sqlite").values())
            filler = fill(disk)
            given = environment(tmp_path, instance=str(instance), smtp_url="smtp://127.0.0.1:1")
            erased = run(tmp_path, "erase", "--everything-personal", "--yes", environment=given)

            assert "no name can be opened" in erased.stdout, erased.stderr
            assert not (instance / "secret_key").exists()
            filler.unlink()
            left = left_in(instance / "campaign.sqlite")
            assert not any(left.values()), (left, erased.stderr)


def test_without_any_room_the_keys_in_files_go_and_one_line_says_what_stays(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        instance = disk / "instance"
        given = {"instance": str(instance), "smtp_url": "smtp://127.0.0.1:1"}
        with serving(tmp_path, **given) as site:
            assert site.browser().sign(email="mara@example.org").is_done
        path, key = instance / "campaign.sqlite", instance / "secret_key"
        (instance / "campaign.sqlite.reserve").unlink(missing_ok=True)
        secret = key.read_text()
        filler = fill(disk)
        refused = run(
            tmp_path, "erase", "--everything-personal", "--yes", environment=environment(tmp_path, **given)
        )

        assert refused.returncode == 1
        assert "Traceback" not in refused.stderr
        assert re.search(rf"^campaign: .*{re.escape(str(path))}.*-wal.*again$", refused.stderr, re.MULTILINE)
        assert key.read_text() != secret

        filler.unlink()
        again = run(
            tmp_path, "erase", "--everything-personal", "--yes", environment=environment(tmp_path, **given)
        )
        assert again.returncode == 0, again.stderr
        assert not any(left_in(path).values())
        assert not key.exists()
