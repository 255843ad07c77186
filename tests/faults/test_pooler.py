"""A whole campaign behind a connection pooler in transaction mode.

Each transaction may run on another server connection, so that prepared statements, session settings,
session locks and temporary tables do not last.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.faults.canary import Canaries
from tests.faults.cluster import Cluster, cluster
from tests.faults.pooler import pooler
from tests.faults.serving import Server, serving
from tests.faults.story import Story, live
from tests.faults.test_stolen_copy import broken_postgresql
from tests.support.program import PGBOUNCER, require
from tests.support.relay import relay

pytestmark = pytest.mark.fault

CHANGED_SETTINGS = "SELECT name, setting FROM pg_settings WHERE source = 'session' AND name LIKE '%timeout%'"


@contextmanager
def running(folder: Path) -> Iterator[tuple[Server, Story, Cluster, str]]:
    """Run the story through the pooler."""
    folder.mkdir()
    (folder / "pooler").mkdir()
    with (
        cluster() as own,
        pooler(own, folder / "pooler") as url,
        relay() as post_office,
        serving(folder, smtp_url=post_office.url, database_url=url) as site,
    ):
        direct = own.server.get_uri()
        yield site, live(site, post_office, Canaries(), lambda: broken_postgresql(direct)), own, url


def test_the_whole_story_runs_behind_a_pooler_and_leaves_no_setting_on_its_connections(
    tmp_path: Path,
) -> None:
    require(PGBOUNCER)
    with running(tmp_path / "site") as (site, story, own, url):
        assert story.downloads
        assert site.browser().get("/healthz").status == 200
        for command in (["recount"], ["erase"], ["doctor"], ["erase", "--everything-personal", "--yes"]):
            done = site.run(*command)
            assert "Traceback" not in done.stderr, done.stderr
        plain = url.replace("+psycopg", "")
        with psycopg.connect(plain, prepare_threshold=None) as pooled:
            assert pooled.execute(CHANGED_SETTINGS).fetchall() == []
        with own.connect() as connection:
            locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            assert connection.execute(locks).fetchone() == (0,)
