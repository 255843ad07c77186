"""Six-digit codes from a phone (TOTP, RFC 6238), asked for at the login.

A code protects the login, not the key: it stops an attacker who learned a passphrase and uses the
site's own login. With a copy of the database *and* the passphrase, the names open without any code.
The secret is wrapped under the passphrase, so that a stolen copy does not reveal it.
"""

import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import pyotp
from pyotp.exceptions import OTPVerificationError
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.errors import WrongCodeError, WrongKeyError
from campaign.organiser import audit_log
from campaign.organiser.account import Organiser
from campaign.reference.normal_form import normal_form
from campaign.sealing import box, row_mac

STEPS_TOLERATED = 1
"""Steps of 30 seconds by which a phone's clock may be fast or slow."""

SECRET = re.compile(r"[A-Z2-7]{32}")
"""160 bits in RFC 4648's base 32, the format that phones accept."""


@dataclass(frozen=True)
class TypedCode:
    """A code, and when it was typed."""

    digits: str = field(repr=False)
    at: datetime

    def step(self, secret: str) -> int:
        """Return the time step of this code.

        Raises:
            WrongCodeError: No step near :attr:`at` has this code.
        """
        digits = re.sub(r"[\s-]", "", normal_form("NFKC", self.digits))
        try:
            return pyotp.TOTP(secret).verify_and_get_timecode(
                digits, for_time=self.at, valid_window=STEPS_TOLERATED
            )
        except OTPVerificationError as error:
            raise WrongCodeError("this code is not the one that the phone shows now") from error


def new_secret() -> str:
    """Return a secret for a phone; :func:`switch_on` stores it."""
    return pyotp.random_base32()


def otpauth_uri(secret: str, *, name: str, site: str) -> str:
    """Return the ``otpauth`` URI that a phone reads from a QR code.

    It names only *site*'s host: another person who sees the phone must not learn the campaign's name.
    """
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=site)


def switch_on(db: Session, account: Organiser, stretched: bytes, secret: str, code: TypedCode) -> None:
    """Ask *account* for codes from now on; *code* proves that the phone has *secret*.

    Args:
        db: A session that may write.
        account: As :func:`campaign.organiser.login.check_passphrase` returned it.
        stretched: The key derived from its passphrase.
        secret: From :func:`new_secret`.
        code: The first one; it is consumed.

    Raises:
        WrongCodeError: The secret was altered, or the code does not belong to it.
    """
    if not SECRET.fullmatch(secret):
        raise WrongCodeError("this is not a secret of ours")
    step = code.step(secret)
    wrapped = box.wrap(secret.encode(), _key(stretched), _context(account))
    _update(db, account, second_factor=wrapped, second_factor_used=step)
    audit_log.record(db, account.name, "switch codes on", now=code.at)
    journal.record(db, journal.SWITCH_ON_CODES, organiser=account.id)


def switch_off(db: Session, account: Organiser, *, now: datetime) -> None:
    """Stop asking *account* for codes."""
    _update(db, account, second_factor=None, second_factor_used=None)
    audit_log.record(db, account.name, "switch codes off", now=now)


def is_on(db: Session, organiser_id: UUID) -> bool:
    """Whether this account is asked for codes."""
    return db.get_one(Organiser, organiser_id).second_factor is not None


def secret(account: Organiser, stretched: bytes) -> str | None:
    """Return the secret that the phone of *account* has; ``None`` with codes off."""
    if account.second_factor is None:
        return None
    return box.unwrap(account.second_factor, _key(stretched), _context(account)).decode()


def continue_with(db: Session, account: Organiser, stretched: bytes, secret: str, *, used: TypedCode) -> None:
    """Wrap the secret under the key of a new passphrase; the code *used* stays consumed."""
    account.second_factor = box.wrap(secret.encode(), _key(stretched), _context(account))
    account.second_factor_used = used.step(secret)
    row_mac.sign(db, account)


def consume_code(db: Session, account: Organiser, stretched: bytes, code: TypedCode) -> None:
    """Accept *code* once; of two simultaneous requests with the same code, one is refused.

    Raises:
        WrongCodeError: It is wrong, or was used.
        WrongKeyError: The account was removed, or got another passphrase, at the same moment.
        AlteredError: Somebody changed the account in the database.
    """
    assert account.second_factor is not None
    secret = box.unwrap(account.second_factor, _key(stretched), _context(account)).decode()
    step = code.step(secret)
    _lock(db, account)
    if account.second_factor_used is not None and account.second_factor_used >= step:
        raise WrongCodeError("this code was used: wait for the next one")
    account.second_factor_used = step
    row_mac.sign(db, account)
    db.flush()


def _update(db: Session, account: Organiser, **columns: object) -> None:
    """Update *account*, unless its passphrase was changed after it was checked."""
    _lock(db, account)
    for column, value in columns.items():
        setattr(account, column, value)
    row_mac.sign(db, account)
    db.flush()


def _lock(db: Session, account: Organiser) -> None:
    """Lock *account*, unless its passphrase was changed after it was checked."""
    salt = account.salt
    try:
        row_mac.lock(db, account)
    except InvalidRequestError as error:
        raise WrongKeyError("the account was removed at the same moment") from error
    if account.salt != salt:
        raise WrongKeyError("the passphrase was changed at the same moment")


def _context(account: Organiser) -> str:
    return f"second factor {account.id}"


def _key(stretched: bytes) -> bytes:
    """Return the key that wraps the secret; it is not the one that wraps the private key."""
    return hmac.digest(stretched, b"letter campaign: second factor", "sha256")
