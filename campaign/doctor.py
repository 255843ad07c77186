"""Finding what is misconfigured, or could hurt soon, before it does."""

import shutil
import smtplib
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr

from sqlalchemy.orm import Session

from campaign import campaign_key, emergency, organiser, recount
from campaign.appeal import Appeal
from campaign.database import Database
from campaign.errors import MailError
from campaign.mail import outbox
from campaign.mail.transport import open_transport
from campaign.organisation import organisation
from campaign.organiser import OWNER
from campaign.settings import Settings

LOW_DISK_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Finding:
    """One sentence about what was found."""

    text: str
    is_serious: bool = False


def examine(settings: Settings, appeal: Appeal, database: Database, *, now: datetime) -> list[Finding]:
    """Return what could hurt, the settings first."""
    return [
        *_settings(settings),
        *_mail(settings),
        *_content(appeal, now),
        *_campaign(database, now),
    ]


def _settings(settings: Settings) -> Iterator[Finding]:
    if settings.is_loopback:
        yield Finding("CAMPAIGN_BASE_URL is on loopback: only this machine reaches the site.")
    mode = stat.S_IMODE(settings.instance.stat().st_mode)
    if mode & 0o077:
        yield Finding(
            f"{settings.instance} can be read by other users of this machine: chmod 700.", is_serious=True
        )
    if shutil.disk_usage(settings.instance).free < LOW_DISK_BYTES:
        yield Finding("Less than 1 GB of disk is free.", is_serious=True)
    if settings.closes_on is None:
        yield Finding(
            "CAMPAIGN_CLOSES_ON is not set: personal data is kept until each person withdraws.",
            is_serious=not settings.is_loopback,
        )
    if settings.is_secure and settings.trusted_proxies == 0:
        yield Finding("CAMPAIGN_TRUSTED_PROXIES is 0 although the site has TLS: is there no proxy in front?")


def _mail(settings: Settings) -> Iterator[Finding]:
    if not settings.smtp_url:
        yield Finding("CAMPAIGN_SMTP_URL is not set: mails become files that no supporter gets.")
        return
    try:
        with open_transport(settings, timeout_seconds=10) as transport:
            transport.connect()
    except (MailError, OSError, smtplib.SMTPException) as error:
        yield Finding(f"The mail relay does not take us: {error}", is_serious=True)
    domain = parseaddr(settings.mail_from)[1].rpartition("@")[2]
    if domain in {"", "localhost"}:
        yield Finding("CAMPAIGN_MAIL_FROM has no domain of yours: relays will refuse it.", is_serious=True)
    else:
        yield Finding(
            f"Check at your DNS that {domain} has SPF for the relay, a DKIM key and a DMARC policy;"
            " without them, confirmations land in spam folders. (Nothing was looked up.)"
        )


def _content(appeal: Appeal, now: datetime) -> Iterator[Finding]:
    today = now.date()
    ends = sorted({each.valid_until for each in appeal.instruments.values() if each.valid_until})
    for end in ends:
        states = ", ".join(
            code.upper() for code, each in appeal.instruments.items() if each.valid_until == end
        )
        if end < today:
            yield Finding(
                f"The instrument for {states} was sourced as in force to {end} only.", is_serious=True
            )
        elif end < today + timedelta(days=60):
            yield Finding(f"The instrument for {states} is sourced as in force to {end} only: check it.")


def _erased(at: datetime, *, is_unfinished: bool) -> Iterator[Finding]:
    yield Finding(
        f"Everything personal was erased on {at.date().isoformat()}: no letter can be signed or delivered,"
        " and nobody can log in. What is counted stays."
    )
    if is_unfinished:
        yield Finding(
            "Its rows, which no key opens any more, are not all scrubbed yet: `campaign erase` goes on.",
            is_serious=True,
        )


def _campaign(database: Database, now: datetime) -> Iterator[Finding]:
    with database.reading() as db:
        mail, found = outbox.state(db, now), recount.last(db)
        erased_at = campaign_key.destroyed_at(db)
        if erased_at is not None:
            yield from _erased(erased_at, is_unfinished=emergency.is_unfinished(db))
        elif not organiser.any_exist(db):
            yield Finding("There is no organiser yet: open the link that `campaign serve` prints.")
        elif len([each for each in organiser.everyone(db) if each.role == OWNER]) == 1:
            yield Finding(
                "There is one owner only: keep their recovery code safe, or nobody opens the names."
            )
        yield from _recovery_codes(db, now)
        if erased_at is None and not organisation(db).is_set:
            yield Finding("The organisation is not entered yet; no letter can be delivered before.")
    if mail.is_stuck:
        yield Finding(
            f"{mail.waiting} mails wait, the oldest for {mail.oldest_seconds // 60} minutes.", is_serious=True
        )
    if mail.failed or mail.expired:
        yield Finding(f"{mail.failed + mail.expired} mails could not be delivered in the last 30 days.")
    if found and found[1]:
        yield Finding(
            f"The last recount found {found[1]} differences between counts and rows.", is_serious=True
        )


def _recovery_codes(db: Session, now: datetime) -> Iterator[Finding]:
    codes = organiser.recovery_codes(db)
    openers = [each for each in organiser.everyone(db) if organiser.opens_names(each.role)]
    without = sum(1 for each in openers if each.id not in codes)
    untested = sum(1 for tested_on in codes.values() if organiser.is_due(tested_on, today=now.date()))
    if without:
        yield Finding(f"{without} of {len(openers)} organisers have no recovery code.")
    if untested:
        yield Finding(
            f"{untested} recovery codes were never tested, or not for half a year: the account page does it."
        )
