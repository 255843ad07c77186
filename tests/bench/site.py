"""A campaign made for a measurement: a folder, a database, a key to seal to."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, select

from campaign.appeal import reading
from campaign.appeal.reading import load as load_appeal
from campaign.clock import SYSTEM_CLOCK
from campaign.database.session import Database
from campaign.mail import outbox
from campaign.mail.outbox import OutboxMail
from campaign.operations import demo, start
from campaign.organiser.invitation import join
from campaign.organiser.passphrase import generate_passphrase
from campaign.reference.participating_state import STATES
from campaign.sealing import row_mac
from campaign.sealing.address_digest import AddressDigests
from campaign.sealing.box import Details
from campaign.sealing.server_key import ServerKeys
from campaign.settings import load
from campaign.signature.key_change import setup_code
from campaign.signature.sign import Signing, sign

SECRET = "made-up-secret-key-for-figures-only-0123456789"

TOGETHER = 100
"""Signatures added in one transaction."""


@dataclass(frozen=True)
class MadeSite:
    """What a measured process needs to know of it."""

    environment: dict[str, str]
    private_key: bytes
    edition: int

    def database(self) -> Database:
        """Return a new way to its database."""
        database = Database(load(self.environment).database_url)
        row_mac.use_key(database, ServerKeys.from_secret(SECRET).row)
        return database

    def keys(self) -> ServerKeys:
        """Return what its server derives from its secret."""
        database = self.database()
        with database.reading() as db:
            keys = ServerKeys.load(db, SECRET)
        database.close()
        assert keys is not None
        return keys


def make(folder: Path, database_url: str = "") -> MadeSite:
    """Make a site in *folder* with an organiser; its database too, unless it is elsewhere."""
    environment = {
        "CAMPAIGN_INSTANCE": str(folder),
        "CAMPAIGN_SECRET_KEY": SECRET,
        "CAMPAIGN_DATABASE_URL": database_url,
        # Limits are for strangers; here they would be all that is measured.
        "CAMPAIGN_UNLIMITED_NETWORKS": "127.0.0.0/8",
        "CAMPAIGN_COUNT_MINUTES": "0",
        "CAMPAIGN_COUNT_STEP": "1",
    }
    settings = load(environment)
    database = Database(settings.database_url)
    started = start.prepare(database, settings, reading.load(), now=SYSTEM_CLOCK())
    with database.writing() as db:
        code = setup_code(db, now=SYSTEM_CLOCK())
        assert code is not None
        owner = join(db, code, generate_passphrase(), name="Olga Organiser", now=SYSTEM_CLOCK())
    database.close()
    assert started.edition is not None
    return MadeSite(environment, owner.campaign_private_key, started.edition)


def pending(site: MadeSite, number: int, *, name: str, further: int = 0) -> list[str]:
    """Add *number* unconfirmed signatures of as many mailboxes; return the tokens that their mails carry.

    Args:
        site: The site.
        number: How many.
        name: Part of the mailboxes.
        further: How many letters each mailbox signs beside its first.
    """
    database, keys, codes, tokens = site.database(), site.keys(), list(STATES), []
    for done in range(0, number, TOGETHER):
        signings = [
            Signing(
                state_code=codes[at % len(codes)],
                also={codes[(at + each) % len(codes)]: False for each in range(1, further + 1)},
                details=Details(name=f"Mara Example {at}", email=f"mara-{name}-{at}@house{at}.example"),
                digests=AddressDigests.of(keys, f"mara-{name}-{at}@house{at}.example"),
                residence="FR",
                disclosure="delegation",
                language="en",
                edition=site.edition,
            )
            for at in range(done, min(done + TOGETHER, number))
        ]
        with database.writing() as db:
            sign(db, signings, keys=keys, now=SYSTEM_CLOCK(), confirmation_days=7)
            tokens += [outbox.content(keys, mail).params["token"] for mail in db.scalars(select(OutboxMail))]
            db.execute(delete(OutboxMail))
    database.close()
    return tokens


def fill(site: MadeSite, number: int, step: Callable[[int], None] = lambda _size: None) -> None:
    """Add *number* made-up signatures."""
    database = site.database()
    demo.fill(database, load_appeal(), edition=site.edition, number=number, now=SYSTEM_CLOCK(), step=step)
    database.close()
