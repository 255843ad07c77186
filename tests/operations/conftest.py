"""A site on SQLite that tests back up, restore and copy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from campaign.appeal.content import Appeal
from campaign.database.session import Database
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from tests.support.past_site import PastSite


@pytest.fixture
def site(
    settings: Settings, appeal: Appeal, keys: ServerKeys, database: Database, tmp_path: Path
) -> Iterator[PastSite]:
    database.close()  # nobody else uses the file
    site = PastSite(settings, appeal, keys, tmp_path)
    yield site
    site.database.close()
