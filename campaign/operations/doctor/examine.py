"""Find what is misconfigured or will soon need attention."""

from datetime import datetime

from campaign.appeal.content import Appeal
from campaign.database.session import Database
from campaign.operations.doctor import content, journal, machine, mail
from campaign.operations.doctor.closing import closing_findings
from campaign.operations.doctor.finding import Finding
from campaign.settings import Settings


def examine(settings: Settings, appeal: Appeal, database: Database, *, now: datetime) -> list[Finding]:
    """Return all findings, those about the settings first.

    Args:
        settings: Valid ones; an invalid setting has already stopped the command.
        appeal: The campaign's content.
        database: Only read.
        now: The present time by this machine's clock.
    """
    return [
        *machine.settings_findings(settings),
        *machine.connection_findings(database),
        *machine.capacity_findings(settings, database),
        *machine.clock_findings(database, now),
        *mail.findings(settings, database, now),
        *mail.cause_findings(settings, appeal, database),
        *journal.findings(database),
        *closing_findings(settings, database, now),
        *content.language_findings(settings, appeal),
        *content.appeal_findings(appeal, now),
        *content.campaign_findings(database, now),
        *content.altered_findings(database),
        *content.audit_findings(settings, database),
    ]
