"""Boxes that somebody moved in the database, as organisers see them: left out, and said."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from campaign.organiser import altered_box, audit_log
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import Signature
from tests.support.factories import make_signature
from tests.web.conftest import OrganisersBrowser, text

SAID = "1 sealed entry is left out"


def attack(db: Session, keys: ServerKeys) -> None:
    """Copy a box that was sealed for Uzbekistan's letter, whose delegation gets no names, to Germany's."""
    victim = make_signature(db, keys, state="uz", name="Vera Victim", words="W", organisers_only=True)
    copied = make_signature(db, keys, state="de", name="Other Name", disclosure="public", words="W")
    make_signature(db, keys, state="de", name="Honest Name", disclosure="public", words="W")
    moved = update(Signature).where(Signature.id == copied.row.id)
    db.execute(moved.values(sealed=victim.row.sealed, name_review="approved", public_name="x"))
    db.commit()


def findings(db: Session) -> list[str]:
    db.expire_all()
    return [each.about for each in audit_log.entries(db) if each.act == altered_box.ACT]


def test_pages_leave_a_moved_box_out_and_say_so(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser
) -> None:
    attack(db, keys)

    for answer in (
        organiser.get("/organise/signatures?state=de&kind=words"),
        organiser.post("/organise/signatures/search", query="v", kind="words", state="de"),
        organiser.get("/organise/deliveries/new/de"),
        organiser.post("/organise/checks/find", state="de", domain="example.org"),
    ):
        assert answer.status_code == 200
        assert SAID in text(answer)
        assert "Vera Victim" not in text(answer)
    assert findings(db) == ["1 de"]
    assert "Somebody changed the database: on" in text(organiser.get("/organise/"))


def test_a_downloaded_list_leaves_it_out_and_the_audit_log_says_so(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser
) -> None:
    attack(db, keys)

    listed = organiser.get("/organise/lists/de.csv").get_data(as_text=True)

    assert "Honest Name" in listed
    assert "Vera Victim" not in listed
    assert findings(db) == ["1 de"]


def test_a_site_that_nobody_attacked_says_nothing(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser
) -> None:
    make_signature(db, keys, disclosure="public", words="W")

    assert "left out" not in text(organiser.get("/organise/signatures"))
    assert "Somebody changed" not in text(organiser.get("/organise/"))
    assert not findings(db)
