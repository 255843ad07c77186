"""Findings about the campaign: languages, instruments, organisers, recovery codes, recounts."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from campaign.appeal import reading
from campaign.appeal.content import Appeal
from campaign.database.session import Database
from campaign.operations import altered_row
from campaign.operations.doctor.finding import Finding
from campaign.operations.emergency import scrub_rows
from campaign.organiser import audit_chain, campaign_key_change
from campaign.organiser.account import all_accounts, any_exist
from campaign.organiser.organisation import organisation
from campaign.organiser.recovery import is_test_due, recovery_codes
from campaign.organiser.role import OWNER, opens_names
from campaign.sealing import campaign_key
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature import recount


def appeal_findings(appeal: Appeal, now: datetime) -> Iterator[Finding]:
    """Yield the instruments whose validity has ended or ends soon."""
    today = now.date()
    ends = sorted({each.valid_until for each in appeal.instruments.values() if each.valid_until})
    for end in ends:
        states = ", ".join(
            code.upper() for code, each in appeal.instruments.items() if each.valid_until == end
        )
        if end < today:
            yield Finding(
                f"The instrument for {states} is sourced as in force only until {end}, which is past.",
                is_serious=True,
            )
        elif end < today + timedelta(days=60):
            yield Finding(f"The instrument for {states} is sourced as in force only until {end}: check it.")


def language_findings(settings: Settings, appeal: Appeal) -> Iterator[Finding]:
    """Yield the languages in which the campaign is, and those of which half is there."""
    yield Finding(f"Languages: {', '.join(language.code for language in appeal.languages)}.")
    for language, lacking in reading.half_there(settings.appeal):
        yield Finding(f"The campaign is not offered in {language.code}: there is no {lacking}.")
    for path in reading.unused(settings.appeal):
        yield Finding(f"{path} is not used: the program has no language “{path.stem}”.")


def _erased(at: datetime, *, is_unfinished: bool) -> Iterator[Finding]:
    yield Finding(
        f"Everything personal was erased on {at.date().isoformat()}: no letter can be signed or delivered,"
        " and nobody can log in. The counts stay."
    )
    if is_unfinished:
        yield Finding(
            "Not all rows are scrubbed yet; no key opens them any more. `campaign erase` continues.",
            is_serious=True,
        )


def audit_findings(settings: Settings, database: Database) -> Iterator[Finding]:
    """Yield where the chain of the audit log is broken."""
    with database.snapshot() as db:
        if campaign_key.destroyed_at(db) is not None:
            return  # the secret key is destroyed, and names of organisers were replaced
        found = audit_chain.verify(db, ServerKeys.from_secret(settings.secret_key).audit)
    if found is not None:
        at = f" of {found.at:%Y-%m-%d %H:%M} UTC" if found.at else ""
        yield Finding(
            f"The audit log was changed from outside: what follows its entry {found.number}{at}"
            " was altered, added or removed. Compare it with a backup.",
            is_serious=True,
        )


def altered_findings(database: Database) -> Iterator[Finding]:
    """Yield rows that somebody changed who writes to the database without the server's key."""
    with database.reading() as db:
        found = altered_row.altered(db)
    if found:
        yield Finding(
            f"Somebody changed the database without the server's key ({', '.join(found)}): it is not obeyed."
            " Find out who can write to it, and compare it with a backup.",
            is_serious=True,
        )


def campaign_findings(database: Database, now: datetime) -> Iterator[Finding]:
    """Yield what is missing among the organisers, and differences between counts and rows."""
    with database.reading() as db:
        found, erased_at = recount.last(db), campaign_key.destroyed_at(db)
        if erased_at is not None:
            yield from _erased(erased_at, is_unfinished=scrub_rows.is_unfinished(db))
        elif not any_exist(db):
            yield Finding("There is no organiser yet: open the link that `campaign serve` prints.")
        elif len([each for each in all_accounts(db) if each.role == OWNER]) == 1:
            yield Finding(
                "There is only one owner: keep their recovery code safe, or nobody can open the names."
            )
        if campaign_key_change.is_due(db):
            yield Finding(
                "Somebody who held the campaign's key has left, or an invitation to it was revoked: it"
                " changes when an organiser logs in.",
                is_serious=True,
            )
        if campaign_key.is_replaced(db):
            yield Finding(
                "The campaign's key is one that was replaced before: no letter can be signed until an"
                " organiser logs in, which changes it.",
                is_serious=True,
            )
        yield from _recovery_codes(db, now)
        if erased_at is None and not organisation(db).is_set:
            yield Finding("The organisation is not entered yet; until then no letter can be delivered.")
    if found and found[1]:
        yield Finding(
            f"The last recount found {found[1]} differences between counts and rows.", is_serious=True
        )


def _recovery_codes(db: Session, now: datetime) -> Iterator[Finding]:
    codes = recovery_codes(db)
    openers = [each for each in all_accounts(db) if opens_names(each.role)]
    without = sum(1 for each in openers if each.id not in codes)
    untested = sum(1 for tested_on in codes.values() if is_test_due(tested_on, today=now.date()))
    if without:
        yield Finding(f"{without} of {len(openers)} organisers have no recovery code.")
    if untested:
        yield Finding(
            f"{untested} recovery codes were never tested, or not for half a year: the account page tests"
            " them."
        )
