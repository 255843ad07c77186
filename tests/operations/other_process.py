"""Another process that uses a campaign until it is killed.

Run ``python -m tests.operations.other_process folder FOLDER`` or ``database URL``; it says when it has begun.
"""

import signal
import sys
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from campaign.database.session import Database
from campaign.operations.instance_lock import instance_lock


def main() -> None:
    what, where = sys.argv[1:]
    if what == "folder":
        with instance_lock(Path(where)):
            wait()
    with closing(Database(where).engine.connect()) as connection:
        connection.execute(text("SELECT 1 FROM site"))
        wait()


def wait() -> None:
    print("begun", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
