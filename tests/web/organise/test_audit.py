"""The audit page."""

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from campaign.organiser.audit_log import AuditEntry
from tests.web.conftest import OrganisersBrowser, text

pytestmark = pytest.mark.any_database

CHANGED = "This log was changed from outside: what follows entry 1 was"


def test_the_page_says_where_the_log_was_changed(organiser: OrganisersBrowser, db: Session) -> None:
    assert "changed from outside" not in text(organiser.get("/organise/audit"))
    db.execute(delete(AuditEntry).where(AuditEntry.number == 2))
    db.commit()

    assert CHANGED in text(organiser.get("/organise/audit"))
