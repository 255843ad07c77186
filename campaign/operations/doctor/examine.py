"""Finding what is misconfigured, or could hurt soon, before it does."""

from datetime import datetime

from campaign.appeal.content import Appeal
from campaign.database.session import Database
from campaign.operations.doctor import content, machine, mail
from campaign.operations.doctor.finding import Finding
from campaign.operations.doctor.machine import LOW_DISK_BYTES
from campaign.settings import Settings

__all__ = ["LOW_DISK_BYTES", "Finding", "examine"]


def examine(settings: Settings, appeal: Appeal, database: Database, *, now: datetime) -> list[Finding]:
    """Return what could hurt, the settings first.

    Args:
        settings: A wrong one has stopped the command before, with a line that names it.
        appeal: The campaign's content.
        database: Only read.
        now: By this machine's clock, a moment ago.
    """
    return [
        *machine.settings_findings(settings),
        *machine.room_findings(settings, database),
        *machine.clock_findings(database, now),
        *mail.findings(settings, database, now),
        *content.appeal_findings(appeal, now),
        *content.campaign_findings(database, now),
    ]
