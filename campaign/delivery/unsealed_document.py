"""Build a delivery's document from the sealed boxes."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from campaign.database.session import Database
from campaign.delivery.document import NO_CODE, Document, build, cover, masked
from campaign.delivery.plan import Plan, entries
from campaign.organiser import altered_box
from campaign.organiser.account import Unlocked
from campaign.sealing.key_ring import key_ring


def build_unsealed(
    db: Session,
    plan: Plan,
    organiser: Unlocked,
    database: Database,
    *,
    code: str,
    base_url: str,
    now: datetime,
) -> Document:
    """Build the planned document, or without a *code* a test with made-up entries.

    Signatures whose box was altered are left out; that is recorded in a transaction of its own.

    Args:
        db: Read only, a snapshot.
        plan: The delivery.
        organiser: Whose key opens the boxes.
        database: Where to record what was found altered.
        code: The delivery's code, or :data:`campaign.delivery.document.NO_CODE`.
        base_url: The site's.
        now: The time on the cover.
    """
    ring = key_ring(db, organiser.campaign_private_key)

    def built() -> Document:
        listed = entries(db, plan, ring)
        return build(plan, masked(listed, front.language) if code == NO_CODE else listed, front)

    front = cover(plan, code=code, made_on=now.date(), base_url=base_url)
    document = built()
    if ring.altered:
        # The cover comes first, and gives the number of names that follow it.
        front = replace(front, named=len(document.numbers))
        document = built()
        with database.writing() as writing:
            altered_box.record(writing, ring.altered, by=organiser.name, now=now)
    return document
