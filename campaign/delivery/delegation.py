"""The delegations' e-mail addresses, entered or imported, each with its source and day of checking."""

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base
from campaign.errors import DelegationError
from campaign.reference.participating_state import STATES

COLUMNS = ("state", "email", "source", "checked_on")
"""Columns of the CSV file that organisers import: the state's code and fields of :class:`Delegation`."""

LARGEST_IMPORT = 100_000
"""Bytes. 57 lines have a few thousand."""


class Delegation(Base):
    """The address of one participating state's delegation to the OSCE."""

    __tablename__ = "delegation"

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
    return db.merge(
        Delegation(
            state_code=checked.state_code,
            email=checked.email,
            source=checked.source,
            checked_on=checked.checked_on,
            entered_by=by,
            entered_at=now,
        )
    )


def import_csv(db: Session, content: bytes, *, by: str, now: datetime) -> int:
    """Store all addresses of a CSV file with the columns of :data:`COLUMNS`; return their number.

    Raises:
        DelegationError: Lines are invalid; then nothing is stored. The message names each line.
    """
    addresses, faults = [], []
    for number, row in _lines(content):
        try:
            addresses.append(_checked(_read(row), now.date()))
        except DelegationError as error:
            faults.append(f"line {number}: {error}")
    codes = [address.state_code for address in addresses]
    faults += [
        f"{code.upper()} is on several lines" for code in sorted({c for c in codes if codes.count(c) > 1})
    ]
    if faults:
        raise DelegationError("\n".join(faults))
    if not addresses:
        raise DelegationError("the file has no address")
    for address in addresses:
        save(db, address, by=by, now=now)
    return len(addresses)


def _lines(content: bytes) -> list[tuple[int, dict[str, str]]]:
    if len(content) > LARGEST_IMPORT:
        raise DelegationError("the file is larger than a list of 57 addresses can be")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DelegationError("the file is not UTF-8: save it as “CSV UTF-8”") from error
    if "\0" in text:
        raise DelegationError("the file is not a CSV file")
    first = text.partition("\n")[0]
    reader = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ","
    )
    header = [(name or "").strip().lower() for name in reader.fieldnames or []]
    if not set(COLUMNS) <= set(header):
        raise DelegationError(f"line 1: the columns must be {', '.join(COLUMNS)}")
    reader.fieldnames = header
    lines = [
        (reader.line_num, {k: v or "" for k, v in row.items() if isinstance(v, str | None)}) for row in reader
    ]
    # Spreadsheets also save empty rows.
    return [(number, row) for number, row in lines if any(cell.strip() for cell in row.values())]


def _read(row: dict[str, str]) -> Address:
    return Address(
        row["state"].strip().lower(),
        row["email"].strip(),
        row["source"].strip(),
        _day(row["checked_on"].strip()),
    )


def _day(text: str) -> date:
    """Read a day in ISO format, or as day.month.year, which some spreadsheets save."""
    day, month, year = [*text.split("."), "", ""][:3] if text.count(".") == 2 else ("", "", "")
    try:
        return date(int(year), int(month), int(day)) if year else date.fromisoformat(text)
    except (ValueError, OverflowError):
        raise DelegationError(f"checked_on must be a day such as 2026-11-23, not “{text}”") from None


def _checked(address: Address, today: date) -> Address:
    if address.state_code not in STATES:
        hint = " (the United Kingdom is gb)" if address.state_code == "uk" else ""
        raise DelegationError(f"there is no participating state with the code “{address.state_code}”{hint}")
    try:
        email = validate_email(address.email, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise DelegationError(f"“{address.email}” is not an e-mail address") from error
    if not address.source.strip():
        raise DelegationError("say where the address was found (source)")
    if address.checked_on > today:
        raise DelegationError("the day it was checked is in the future")
    return Address(address.state_code, email, " ".join(address.source.split()), address.checked_on)
