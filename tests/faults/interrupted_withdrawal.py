"""A process that withdraws a signature and kills itself at one moment of the commit.

Run ``python -m tests.faults.interrupted_withdrawal SETTINGS TOKEN MOMENT NOW``; SETTINGS is a JSON object.
"""

import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from campaign.database.session import Database
from campaign.sealing import row_mac
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.withdraw import withdraw

WRITTEN, COMMITTED = "written to the journal", "committed"
MOMENTS = (WRITTEN, COMMITTED)


def main() -> None:
    content, token, moment, now = sys.argv[1:]
    given = json.loads(content)
    settings = Settings(**given | {"instance": Path(given["instance"])})
    database = Database.of_site(settings)
    row_mac.use_key(database, ServerKeys.from_secret(settings.secret_key).row)

    def die(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if moment == WRITTEN:  # the engine's event comes after the session's
        event.listen(database.engine, "commit", die)
    else:
        event.listen(Session, "after_commit", die)
    with database.writing() as db:
        withdraw(db, token, now=datetime.fromisoformat(now), confirmation_days=7)


if __name__ == "__main__":
    main()
