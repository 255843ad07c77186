"""Findings about mail: the relay, waiting mails, and the sender's DNS records."""

import re
import smtplib
from collections.abc import Iterator
from datetime import datetime
from email.utils import parseaddr
from urllib.parse import urlsplit

from campaign.appeal.content import Appeal
from campaign.database.session import Database
from campaign.errors import MailError
from campaign.mail import outbox_health
from campaign.mail.transport import open_transport
from campaign.operations.doctor.finding import Finding
from campaign.organiser.organisation import organisation
from campaign.reference.language import ENGLISH
from campaign.reference.participating_state import STATES
from campaign.settings import Settings

RELAY_SECONDS = 10


def findings(settings: Settings, database: Database, now: datetime) -> Iterator[Finding]:
    """Yield what prevents delivery of mails; nothing is sent, and the DNS is asked only for the relay."""
    if not settings.smtp_url:
        yield Finding("CAMPAIGN_SMTP_URL is not set: mails are written to files and reach no supporter.")
    else:
        yield from _relay(settings)
        yield from _sender(settings)
    with database.reading() as db:
        mail = outbox_health.measure(db, now)
        is_backed_up = outbox_health.is_backed_up(db, now)
    if is_backed_up:
        yield Finding(
            "No letter can be signed, since so many mails wait that no more may: see to the relay.",
            is_serious=True,
        )
    if mail.is_stuck:
        yield Finding(
            f"{mail.waiting} mails wait, the oldest for {mail.oldest_seconds // 60} minutes: check that a"
            " worker runs, and that the relay accepts mails.",
            is_serious=True,
        )
    if mail.failed or mail.expired:
        yield Finding(f"{mail.failed + mail.expired} mails could not be delivered in the last 30 days.")


def cause_findings(settings: Settings, appeal: Appeal, database: Database) -> Iterator[Finding]:
    """Yield settings that name the cause in every mail, also where that could harm its reader."""
    with database.reading() as db:
        names = [appeal.title, organisation(db).name, STATES[appeal.accused_state].name(ENGLISH.code)]
    words = set(re.findall(r"\w{5,}", " ".join(names).casefold()))
    for setting, shown in (
        ("CAMPAIGN_MAIL_FROM", settings.mail_from),
        ("CAMPAIGN_BASE_URL", settings.base_url),
    ):
        for word in sorted(word for word in words if word in shown.casefold()):
            yield Finding(
                f"{setting} has the word “{word}”: all mails show it, also to people whom it could harm."
            )


def _relay(settings: Settings) -> Iterator[Finding]:
    """Connect as the worker does, with EHLO, STARTTLS and login, then disconnect."""
    try:
        with open_transport(settings, timeout_seconds=RELAY_SECONDS) as transport:
            transport.connect()
            if transport.takes_ascii_only:
                yield Finding(
                    "The mail relay does not offer SMTPUTF8: the form refuses addresses with letters beyond"
                    " ASCII before the @."
                )
    except (MailError, OSError, smtplib.SMTPException) as error:
        relay = urlsplit(settings.smtp_url)
        yield Finding(
            f"CAMPAIGN_SMTP_URL: the mail relay at {relay.hostname} does not accept our connection: {error}",
            is_serious=True,
        )


def _sender(settings: Settings) -> Iterator[Finding]:
    domain = parseaddr(settings.mail_from)[1].rpartition("@")[2]
    if "." not in domain:
        yield Finding("CAMPAIGN_MAIL_FROM has no domain of yours: relays will refuse it.", is_serious=True)
        return
    yield Finding(
        f"Check the DNS records of {domain} yourself; this command does not query them. Without these"
        " records, confirmations land in spam folders:"
    )
    yield Finding(f"  `dig TXT {domain}`: one record that begins with v=spf1 and names your relay (SPF).")
    yield Finding(
        f"  `dig TXT SELECTOR._domainkey.{domain}`: begins with v=DKIM1; the relay's operator says which"
        " SELECTOR, and must sign with d= this domain (DKIM)."
    )
    yield Finding(
        f"  `dig TXT _dmarc.{domain}`: begins with v=DMARC1; p=none at first, later p=quarantine (DMARC)."
    )
