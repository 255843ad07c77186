"""A site whose database is replaced by a backup, or by a copy."""

import shutil
from datetime import timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database.restoration import Restoration, review, unreviewed
from campaign.database.session import Database
from campaign.delivery import journaled
from campaign.delivery.model import ACCEPTED, PREPARED, SENDING, Delivery, advance
from campaign.disclosure import approval, published_name
from campaign.operations import start
from campaign.operations.backup import back_up
from campaign.operations.restore import Restored, restore
from campaign.sealing.key_ring import key_ring
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature import recount
from campaign.signature.model import Signature
from tests.conftest import NOW
from tests.support.factories import Made, make_delivery, make_owner, make_signature

LATER = NOW + timedelta(days=1)

WEEK = {"confirmation_days": 7}


class PastSite:
    """A site whose backup is restored after things went on."""

    def __init__(self, settings: Settings, appeal: Appeal, keys: ServerKeys, folder: Path) -> None:
        self.settings, self.appeal, self.keys = settings, appeal, keys
        self.file = folder / "letters.backup"
        self.database = Database.of_site(settings)
        self.start()
        with self.writing() as db:
            self.owner = make_owner(db)

    def start(self) -> None:
        start.prepare(self.database, self.settings, self.appeal, now=LATER)

    def writing(self) -> Session:
        return self.database.session(writes=True)

    def sign(self, **details: str) -> Made:
        with self.writing() as db:
            return make_signature(db, self.keys, **details)

    def publish(self, *made: Made) -> None:
        with self.writing() as db:
            keys = [(each.row.state_code, each.row.id) for each in made]
            ring = key_ring(db, self.owner.campaign_private_key)
            approval.approve_names(db, keys, ring, shown=None)
            approval.approve_words(db, keys, ring, shown=None)
            db.commit()

    def back_up(self) -> None:
        self.file.unlink(missing_ok=True)
        back_up(self.database.url, self.file)

    def restore(self, **how: bool) -> Restored:
        self.database.close()
        how = {"replaces": True, **how}
        return restore(self.settings, self.appeal, self.file, **how, now=LATER)

    def copy_by_hand(self) -> None:
        """Put the backup in place as people do who do not read."""
        self.database.close()
        path = Path(str(self.database.url.database))
        for each in path.parent.glob(path.name + "*"):
            each.unlink()
        shutil.copy(self.file, path)
        self.start()

    def row(self, made: Made) -> Signature:
        with self.database.reading() as db:
            return db.get_one(Signature, (made.row.state_code, made.row.id))

    def unreviewed(self) -> Restoration | None:
        with self.database.reading() as db:
            return unreviewed(db)

    def look(self) -> None:
        with self.writing() as db:
            review(db)
            db.commit()

    def published(self) -> list[str]:
        with self.database.reading() as db:
            return [name for name, _state in published_name.page_of_names(db).names]

    def assert_counts_equal_rows(self) -> None:
        with self.database.snapshot() as db:
            assert recount.compare(db) == []


def deliver(site: PastSite, signatures: list[Made], *, status: str = ACCEPTED) -> Delivery:
    """Send a delivery as :mod:`campaign.delivery.sending` records it."""
    with site.writing() as db:
        rows = [each.row for each in signatures]
        made = make_delivery(db, rows, status=PREPARED, sending_at=None, settled_at=None, smtp_code=None)
        advance(db, SENDING, Delivery.id == made.id, sending_at=LATER)
        journaled.record_sending(db, made.id)
        db.commit()
        if status != SENDING:
            advance(db, status, Delivery.id == made.id, smtp_code=250, settled_at=LATER)
            db.commit()
        return db.get_one(Delivery, made.id, populate_existing=True)
