"""The delegations' e-mail addresses, entered or imported, each with its source and day of checking."""

from dataclasses import dataclass
from datetime import date, datetime

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database import journal
from campaign.database.table import Base
from campaign.delivery import address_file
from campaign.delivery.address_file import COLUMNS, Row, cell, day
from campaign.errors import DelegationError
from campaign.reference.language import ENGLISH, wording
from campaign.reference.participating_state import STATES
from campaign.sealing import row_mac
from campaign.sealing.row_mac import Authentic

EARLIEST_CHECK = date(2021, 3, 1)
"""The month of the call: an earlier day, such as one of the year 26, is a slip."""


class Delegation(Authentic, Base):
    """The address of one participating state's delegation to the OSCE."""

    __tablename__ = "delegation"
    authentic = ("state_code", "email", "source", "checked_on")

    state_code: Mapped[str] = mapped_column(String(2), primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    source: Mapped[str]
    """Where the address was found, such as a web page or a telephone call."""
    checked_on: Mapped[date]
    entered_by: Mapped[str]
    entered_at: Mapped[datetime]


@dataclass(frozen=True)
class Address:
    """An address as an organiser enters it."""

    state_code: str
    email: str
    source: str
    checked_on: date


def delegations(db: Session) -> dict[str, Delegation]:
    """Return the stored addresses by state code."""
    return {row.state_code: row for row in db.scalars(select(Delegation))}


def save(db: Session, address: Address, *, by: str, now: datetime) -> Delegation:
    """Store an address; it replaces the state's earlier one.

    Raises:
        DelegationError: The address, its source or its day is invalid.
    """
    checked = _checked(address, now.date())
    row = Delegation(
        state_code=checked.state_code,
        email=checked.email,
        source=checked.source,
        checked_on=checked.checked_on,
        entered_by=by,
        entered_at=now,
    )
    row_mac.sign(db, row)
    journal.record(db, journal.CHANGE_ADDRESS, state=row.state_code)
    return db.merge(row)


def remove(db: Session, state_code: str) -> int:
    """Delete the address of a state that was changed after a backup; return how many there were."""
    found = db.get(Delegation, state_code)
    if found is None:
        return 0
    db.delete(found)
    db.flush()
    return 1


def import_csv(db: Session, content: bytes, *, by: str, now: datetime, language: str = ENGLISH.code) -> int:
    """Store all addresses of a CSV file as :mod:`address_file` describes it; return their number.

    Raises:
        DelegationError: Lines are invalid; then nothing is stored. It names each, in *language*.
    """
    _ = wording(language).gettext
    addresses, faults = [], []
    for number, row in address_file.read(content, language):
        try:
            addresses.append(_checked(_read(row, language), now.date(), language))
        except DelegationError as error:
            faults.append(address_file.at_line(number, str(error), language))
    codes = [address.state_code for address in addresses]
    if twice := sorted({code.upper() for code in codes if codes.count(code) > 1}):
        faults.append(_("On several lines: %(codes)s.") % {"codes": ", ".join(twice)})
    if faults:
        raise DelegationError("\n".join(faults))
    if not addresses:
        raise DelegationError(_("The file has no address."))
    for address in addresses:
        save(db, address, by=by, now=now)
    return len(addresses)


def _read(row: Row, language: str) -> Address:
    state, email, source, checked_on = (cell(row, column, language) for column in COLUMNS)
    return Address(state.lower(), email, source, day(checked_on, language))


def _checked(address: Address, today: date, language: str = ENGLISH.code) -> Address:
    _ = wording(language).gettext
    if address.state_code not in STATES:
        if address.state_code == "uk":
            raise DelegationError(_("The code of the United Kingdom is “gb”, not “uk”."))
        raise DelegationError(
            _("No participating State has the code “%(code)s”.") % {"code": address.state_code}
        )
    try:
        email = validate_email(address.email, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise DelegationError(_("“%(text)s” is not an e-mail address.") % {"text": address.email}) from error
    if not address.source.strip():
        raise DelegationError(_("source: say where the address was found."))
    if address.checked_on < EARLIEST_CHECK:
        fault = _("checked_on: %(day)s is long ago. Write the year with four digits.")
        raise DelegationError(fault % {"day": address.checked_on})
    if address.checked_on > today:
        raise DelegationError(_("checked_on: this day is in the future."))
    return Address(address.state_code, email, " ".join(address.source.split()), address.checked_on)
