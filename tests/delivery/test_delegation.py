from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from campaign.delivery import delegation
from campaign.delivery.delegation import Address
from campaign.errors import DelegationError
from tests.conftest import NOW

pytestmark = pytest.mark.any_database

HEADER = "state,email,source,checked_on\n"


def imported(db: Session, text: str) -> int:
    return delegation.import_csv(db, text.encode(), by="Olga", now=NOW)


@pytest.mark.both_databases
def test_an_import_keeps_each_address_with_its_source(db: Session) -> None:
    assert (
        imported(
            db,
            HEADER
            + "DE,de@example.org,a telephone call,2026-11-01\nfr,fr@example.org,their site,2026-11-02\n",
        )
        == 2
    )

    known = delegation.delegations(db)
    assert known["de"].email == "de@example.org"
    assert known["fr"].source == "their site"
    assert known["de"].entered_by == "Olga"


@pytest.mark.parametrize("prefix", ["\ufeff", ""])
def test_a_file_from_a_spreadsheet_is_read(db: Session, prefix: str) -> None:
    text = prefix + "State;Email;Source;Checked_on;Remark\r\nDE;de@example.org;call;2026-11-01;x\r\n"

    assert imported(db, text) == 1


@pytest.mark.both_databases
def test_a_later_import_replaces_an_address(db: Session) -> None:
    imported(db, HEADER + "de,old@example.org,call,2026-11-01\n")
    imported(db, HEADER + "de,new@example.org,call,2026-11-02\n")

    assert delegation.delegations(db)["de"].email == "new@example.org"


@pytest.mark.both_databases
def test_of_a_faulty_file_nothing_is_kept_and_every_line_is_named(db: Session) -> None:
    text = HEADER + (
        "de,de@example.org,call,2026-11-01\n"
        "xx,x@example.org,call,2026-11-01\n"
        "fr,not an address,call,2026-11-01\n"
        "it,it@example.org,,2026-11-01\n"
        "at,at@example.org,call,11/1/2026\n"
        "be,be@example.org,call,2030-01-01\n"
    )
    with pytest.raises(DelegationError) as caught:
        imported(db, text)

    faults = str(caught.value).splitlines()
    assert [fault.partition(":")[0] for fault in faults] == [f"Line {n}" for n in (3, 4, 5, 6, 7)]
    assert delegation.delegations(db) == {}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "columns"),
        (HEADER.encode(), "no address"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"state,email\nde,x@example.org\n", "columns"),
        (b"PK\x03\x04\x00\x00", "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "workbook"),
        (b"d\x00e\x00", "not a CSV"),
        (b"state,email,source,checked_on,email\nde,a@example.org,c,2026-11-01,b@example.org\n", "another"),
        (b"x" * 100_001, "larger"),
        (
            (HEADER + "de,a@example.org,c,2026-11-01\nDE,b@example.org,c,2026-11-01\n").encode(),
            "several lines: DE",
        ),
        ((HEADER + "de,,,\nfr\n").encode(), "no address"),
        ((HEADER + "de,de@example.org\n").encode(), "Line 2: checked_on"),
        ((HEADER + "de,de@example.org,c,23.11.26\n").encode(), "Line 2: checked_on.* not “23.11.26”"),
        ((HEADER + "de,de@example.org,c,0026-11-23\n").encode(), "Line 2: .* four digits"),
        ((HEADER + "de,de@example.org,c\u202etxt,2026-11-23\n").encode(), "Line 2: source: .* printed"),
        ((HEADER + "de,de@example.org,\x07call,2026-11-23\n").encode(), "Line 2: source: .* printed"),
    ],
)
def test_a_file_that_will_not_do_is_refused_with_its_reason(
    db: Session, content: bytes, complaint: str
) -> None:
    with pytest.raises(DelegationError, match=complaint):
        delegation.import_csv(db, content, by="Olga", now=NOW)


def test_an_address_cannot_smuggle_a_header(db: Session) -> None:
    address = Address("de", "de@example.org\nBcc: x@example.org", "call", NOW.date())

    with pytest.raises(DelegationError):
        delegation.save(db, address, by="Olga", now=NOW)


def test_tomorrow_nothing_was_checked(db: Session) -> None:
    address = Address("de", "de@example.org", "call", NOW.date() + timedelta(days=1))

    with pytest.raises(DelegationError, match="future"):
        delegation.save(db, address, by="Olga", now=NOW)


def test_what_a_spreadsheet_makes_of_a_file_is_still_read(db: Session) -> None:
    assert (
        imported(db, "state;email;source;checked_on\r\nDE;de@example.org;call;1.11.2026\r\n;;;\r\n;;;\r\n")
        == 1
    )

    assert delegation.delegations(db)["de"].checked_on.isoformat() == "2026-11-01"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8"])
def test_a_file_saved_as_unicode_text_with_tabs_is_read(db: Session, encoding: str) -> None:
    text = "state\temail\tsource\tchecked_on\r\nDE\tde@example.org\ta call, twice; Zoë\t2026-11-01\r\n"
    mark = "\ufeff" if encoding == "utf-16-le" else ""

    assert delegation.import_csv(db, (mark + text).encode(encoding), by="Olga", now=NOW) == 1
    assert delegation.delegations(db)["de"].source == "a call, twice; Zoë"
