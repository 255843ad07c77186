"""Six-digit codes from a phone (TOTP, RFC 6238): a second lock on the door.

They guard the door, not the key. The secret lies wrapped under the passphrase, so that a stolen copy
does not hold it; but whoever has a copy *and* the passphrase opens the names without any code. What a
code stops is somebody who learned the passphrase and stands at the site's own login.
"""

import hmac
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import pyotp
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from campaign.errors import WrongCodeError, WrongKeyError
from campaign.organiser import audit_log
from campaign.organiser.account import Organiser
from campaign.sealing import box

STEPS_TOLERATED = 1
"""Steps of 30 seconds by which a phone's clock may differ, either way."""

SECRET = re.compile(r"[A-Z2-7]{32}")
"""160 bits in RFC 4648's base 32, as phones take them."""


@dataclass(frozen=True)
class TypedCode:
    """A code, and the moment at which it was typed."""

    digits: str = field(repr=False)
    at: datetime

    def step(self, secret: str) -> int:
        """Return the time step that this is the code of.

        Raises:
            WrongCodeError: It belongs to no step near that moment.
        """
        digits = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", self.digits))
        try:
            return pyotp.TOTP(secret).verify_and_get_timecode(
                digits, for_time=self.at, valid_window=STEPS_TOLERATED
            )
        except OTPVerificationError as error:
            raise WrongCodeError("this code is not the one that the phone shows now") from error


def new_secret() -> str:
    """Return a secret for a phone; it counts once :func:`switch_on` took a code made with it."""
    return pyotp.random_base32()


def address(secret: str, *, name: str, site: str) -> str:
    """Return the ``otpauth`` address that a phone reads from a picture.

    It names *site*'s host alone: a phone that somebody else looks through should not name the cause.
    """
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=site)


def switch_on(db: Session, account: Organiser, stretched: bytes, secret: str, code: TypedCode) -> None:
    """Ask *account* for codes from now on, since *code* shows that the phone has *secret*.

    Args:
        db: The session; *account* is as :func:`campaign.organiser.login.stretch` left it.
        account: Whose codes they are.
        stretched: The key from its passphrase.
        secret: As :func:`new_secret` made it.
        code: The first one; it is used up.

    Raises:
        WrongCodeError: The secret was altered on its way, or the code is not its.
    """
    if not SECRET.fullmatch(secret):
        raise WrongCodeError("this is not a secret of ours")
    step = code.step(secret)
    wrapped = box.wrap(secret.encode(), _key(stretched))
    _keep(db, account, second_factor=wrapped, second_factor_used=step)
    audit_log.record(db, account.name, "switch codes on", now=code.at)


def switch_off(db: Session, account: Organiser, *, now: datetime) -> None:
    """Ask *account* for no codes any more."""
    _keep(db, account, second_factor=None, second_factor_used=None)
    audit_log.record(db, account.name, "switch codes off", now=now)


def use(db: Session, account: Organiser, stretched: bytes, code: TypedCode) -> None:
    """Use *code* up; of two who come with the same one at the same moment, one is let in.

    Raises:
        WrongCodeError: It is not the one that the phone shows, or it was used.
    """
    assert account.second_factor is not None
    step = code.step(box.unwrap(account.second_factor, _key(stretched)).decode())
    unused = or_(Organiser.second_factor_used.is_(None), Organiser.second_factor_used < step)
    used = update(Organiser).where(Organiser.id == account.id, unused).values(second_factor_used=step)
    if db.scalar(used.returning(Organiser.id)) is None:
        raise WrongCodeError("this code was used: wait for the next one")


def _keep(db: Session, account: Organiser, **columns: object) -> None:
    """Write what belongs to the passphrase that was checked, unless it was changed meanwhile."""
    same = (Organiser.id == account.id, Organiser.salt == account.salt)
    kept: UUID | None = db.scalar(update(Organiser).where(*same).values(**columns).returning(Organiser.id))
    if kept is None:
        raise WrongKeyError("the passphrase was changed at the same moment")


def _key(stretched: bytes) -> bytes:
    """Return the key that wraps the secret: one of its own, so that neither wrapping helps with the other."""
    return hmac.digest(stretched, b"letter campaign: second factor", "sha256")
