"""Roles and removals: which wrappings are left, and that one owner always has the key."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from campaign.database.session import Database
from campaign.errors import CampaignError, NoAccessLeftError, OrganiserError, RoleError, WrongKeyError
from campaign.organiser import membership, promotion, session
from campaign.organiser import recovery as organiser
from campaign.organiser.account import Unlocked, all_accounts
from campaign.organiser.audit_log import AuditEntry
from campaign.organiser.invitation import invite, join
from campaign.organiser.login import unlock
from campaign.organiser.recovery import make_recovery_code
from campaign.organiser.role import ORGANISER, OWNER, READER
from campaign.organiser.session import OrganiserSession
from campaign.sealing import box, key_wrapping, link_wrapping
from campaign.sealing.campaign_key import KeyWrapping
from campaign.sealing.code import code_hash
from campaign.sealing.server_key import ServerKeys
from tests.conftest import NOW
from tests.support.factories import PASSPHRASE, make_organiser, make_owner, make_signature


@pytest.fixture
def owner(db: Session) -> Unlocked:
    return make_owner(db)


def wrappings(db: Session, who: Unlocked) -> set[str]:
    """Return the kinds of an organiser's wrappings."""
    return set(db.scalars(select(KeyWrapping.kind).where(KeyWrapping.holder_id == who.id)))


def leave_role(db: Session, who: Unlocked, role: str | None) -> object:
    """Change the organiser's own role, or remove the account when *role* is ``None``."""
    if role is None:
        return membership.remove(db, who.id, now=NOW)
    return membership.change_role(db, who.id, role, by=who, now=NOW)


def log(db: Session) -> list[tuple[str, str, str]]:
    """Return organiser, action and object of each entry."""
    return [(each.organiser, each.act, each.about) for each in db.scalars(select(AuditEntry))]


def test_a_reader_holds_no_key_in_any_form(db: Session, keys: ServerKeys, owner: Unlocked) -> None:
    reader = make_organiser(db, owner, role=READER)
    cookie = session.start(db, reader, keys=keys, now=NOW)
    resumed = session.resume(db, cookie, keys=keys, now=NOW).unlocked

    assert wrappings(db, reader) == set()
    for each in (reader, resumed, unlock(db, "Pavel", PASSPHRASE)):
        assert each.role == READER
        assert each.private_key is None
        with pytest.raises(RoleError):
            _ = each.campaign_private_key


def test_nothing_lies_under_a_readers_invitation(db: Session, owner: Unlocked) -> None:
    code = invite(db, owner, "Rita", READER, now=NOW)
    row = db.scalars(select(KeyWrapping).where(KeyWrapping.opens_hash == code_hash(code))).one()
    assert link_wrapping.unwrap_link(db, code, now=NOW)[1] == b""

    row.role = OWNER
    db.commit()

    with pytest.raises(CampaignError):
        join(db, code, PASSPHRASE, now=NOW)


@pytest.mark.parametrize("role", [READER, ORGANISER, OWNER])
def test_an_invitation_makes_an_account_of_its_role(db: Session, owner: Unlocked, role: str) -> None:
    joined = make_organiser(db, owner, role=role)

    assert unlock(db, "Pavel", PASSPHRASE).role == joined.role == role
    assert ("Olga Organiser", "invite organiser", f"Pavel: {role}") in log(db)


def test_a_reader_makes_no_recovery_code(db: Session, owner: Unlocked) -> None:
    with pytest.raises(RoleError):
        make_recovery_code(db, make_organiser(db, owner, role=READER), now=NOW)


def test_a_reader_who_becomes_an_organiser_opens_names(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    made = make_signature(db, keys, name="Mara")
    reader = make_organiser(db, owner, role=READER)
    cookie = session.start(db, reader, keys=keys, now=NOW)
    code = promotion.promote(db, reader.id, ORGANISER, by=owner, now=NOW)
    db.commit()
    promotion.accept(db, reader.id, code, PASSPHRASE, now=NOW)
    db.commit()

    with pytest.raises(WrongKeyError):
        session.resume(db, cookie, keys=keys, now=NOW)
    again = unlock(db, "Pavel", PASSPHRASE)
    assert made.row.sealed
    assert box.unseal(made.row.sealed, again.campaign_private_key, made.row.context).name == "Mara"
    assert ("Olga Organiser", "promote reader", "Pavel → organiser") in log(db)
    assert ("Pavel", "accept promotion", "Pavel: reader → organiser, by Olga Organiser") in log(db)


def test_an_organiser_who_becomes_a_reader_loses_every_way_to_the_key(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    second = make_organiser(db, owner, role=OWNER)
    recovery = make_recovery_code(db, second, now=NOW)
    invitation = invite(db, second, "Third", now=NOW)
    session.start(db, second, keys=keys, now=NOW)
    membership.change_role(db, second.id, READER, by=owner, now=NOW)
    db.commit()

    assert wrappings(db, second) == set()
    assert db.scalar(select(OrganiserSession)) is None
    assert unlock(db, "Pavel", PASSPHRASE).private_key is None
    for use in (
        lambda: organiser.recover(db, recovery, f"{PASSPHRASE} again", now=NOW),
        lambda: join(db, invitation, PASSPHRASE, now=NOW),
    ):
        with pytest.raises(WrongKeyError):
            use()


def test_a_session_that_outlives_its_role_has_no_key(db: Session, keys: ServerKeys, owner: Unlocked) -> None:
    second = make_organiser(db, owner)
    membership.change_role(db, second.id, READER, by=owner, now=NOW)
    cookie = session.start(db, second, keys=keys, now=NOW)  # a login that began before the change
    db.commit()

    assert session.resume(db, cookie, keys=keys, now=NOW).unlocked.private_key is None


def test_an_owner_who_becomes_an_organiser_keeps_the_key_and_no_invitation(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    second = make_organiser(db, owner, role=OWNER)
    make_recovery_code(db, second, now=NOW)
    invite(db, second, "Third", now=NOW)
    cookie = session.start(db, second, keys=keys, now=NOW)
    membership.change_role(db, second.id, ORGANISER, by=owner, now=NOW)
    db.commit()

    assert wrappings(db, second) == {"organiser", "recovery"}
    assert session.resume(db, cookie, keys=keys, now=NOW)[0].role == ORGANISER


def test_a_removed_organiser_has_no_wrapping_and_is_logged_out(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    second = make_organiser(db, owner)
    make_recovery_code(db, second, now=NOW)
    session.start(db, second, keys=keys, now=NOW)
    membership.remove(db, second.id, by=owner, now=NOW)
    db.commit()

    assert wrappings(db, second) == set()
    assert db.scalar(select(OrganiserSession)) is None
    with pytest.raises(WrongKeyError):
        unlock(db, "Pavel", PASSPHRASE)
    assert ("Olga Organiser", "remove organiser", "Pavel") in log(db)


def test_only_an_owner_changes_roles_and_removes_accounts(db: Session, owner: Unlocked) -> None:
    second = make_organiser(db, owner)
    for act in (
        lambda: membership.change_role(db, owner.id, READER, by=second, now=NOW),
        lambda: membership.remove(db, owner.id, by=second, now=NOW),
        lambda: invite(db, second, "Third", now=NOW),
    ):
        with pytest.raises(RoleError):
            act()


def test_an_owner_who_was_demoted_a_moment_ago_decides_nothing(db: Session, owner: Unlocked) -> None:
    second = make_organiser(db, owner, role=OWNER)
    membership.change_role(db, second.id, ORGANISER, by=owner, now=NOW)
    db.commit()

    # *second* still has the role "owner": it was read before.
    assert second.role == OWNER
    with pytest.raises(RoleError):
        membership.remove(db, owner.id, by=second, now=NOW)
    with pytest.raises(RoleError):
        invite(db, second, "Third", now=NOW)


def test_roles_are_read_again_once_they_are_locked(database: Database, db: Session, owner: Unlocked) -> None:
    second = make_organiser(db, owner, role=OWNER)
    known = all_accounts(db)
    db.commit()
    with database.writing() as other:
        membership.change_role(other, second.id, ORGANISER, by=owner, now=NOW)

    assert [each.role for each in known] == [OWNER, OWNER]
    with pytest.raises(RoleError):
        membership.remove(db, owner.id, by=second, now=NOW)


@pytest.mark.parametrize("role", [READER, ORGANISER, None])
def test_the_last_owner_stays(db: Session, owner: Unlocked, role: str | None) -> None:
    make_organiser(db, owner)

    with pytest.raises(NoAccessLeftError, match="last owner"):
        leave_role(db, owner, role)


@pytest.mark.parametrize("role", [READER, None])
def test_the_last_wrapping_that_an_owner_has_stays(db: Session, owner: Unlocked, role: str | None) -> None:
    second = make_organiser(db, owner, role=OWNER)
    make_organiser(db, owner, name="Petra")
    db.execute(delete(KeyWrapping).where(KeyWrapping.holder_id == second.id))

    with pytest.raises(NoAccessLeftError, match="last wrapping"):
        leave_role(db, owner, role)


def test_the_last_wrapping_stays_even_if_it_is_no_owners(db: Session, owner: Unlocked) -> None:
    second = make_organiser(db, owner)
    db.execute(delete(KeyWrapping).where(KeyWrapping.holder_id == owner.id))

    with pytest.raises(NoAccessLeftError, match="last wrapping"):
        membership.remove(db, second.id, by=owner, now=NOW)


def test_a_wrapping_of_another_key_is_never_granted(db: Session, owner: Unlocked) -> None:
    reader = make_organiser(db, owner, role=READER)
    stale = Unlocked(owner.id, owner.name, OWNER, box.new_pair()[0])

    with pytest.raises(WrongKeyError):
        promotion.promote(db, reader.id, ORGANISER, by=stale, now=NOW)


def test_an_unknown_account_cannot_be_changed(db: Session, owner: Unlocked) -> None:
    second = make_organiser(db, owner)
    membership.remove(db, second.id, by=owner, now=NOW)

    with pytest.raises(OrganiserError, match="no such"):
        membership.remove(db, second.id, by=owner, now=NOW)


@pytest.mark.parametrize(("one", "other"), [(None, ORGANISER), (READER, READER)])
def test_of_the_last_two_owners_who_go_at_the_same_moment_one_stays(
    database: Database, one: str | None, other: str | None
) -> None:
    with database.session(writes=True) as db:
        first = make_owner(db)
        second = make_organiser(db, first, role=OWNER)

    assert not _both(
        database, lambda db: leave_role(db, first, one), lambda db: leave_role(db, second, other)
    )

    with database.reading() as db:
        assert [each.role for each in all_accounts(db)].count(OWNER) == 1
        assert len(key_wrapping.holder_ids(db)) >= 1


def test_an_organiser_made_a_reader_while_making_a_recovery_code_has_none(database: Database) -> None:
    with database.session(writes=True) as db:
        owner = make_owner(db)
        second = make_organiser(db, owner)

    assert not _both(
        database,
        lambda db: membership.change_role(db, second.id, READER, by=owner, now=NOW),
        lambda db: make_recovery_code(db, second, now=NOW),
    )

    with database.reading() as db:
        assert wrappings(db, second) == set()


def test_an_organiser_made_a_reader_while_recovering_gets_no_key(database: Database) -> None:
    with database.session(writes=True) as db:
        owner = make_owner(db)
        second = make_organiser(db, owner)
        recovery = make_recovery_code(db, second, now=NOW)
        db.commit()

    def recover(db: Session) -> object:
        return organiser.recover(db, recovery, f"{PASSPHRASE} again", now=NOW)

    assert not _both(
        database, lambda db: membership.change_role(db, second.id, READER, by=owner, now=NOW), recover
    )
    with database.reading() as db:
        assert wrappings(db, second) == set()


def _both(
    database: Database, first: Callable[[Session], object], second: Callable[[Session], object]
) -> bool:
    """Start *second* before *first* is committed; return whether it succeeded too."""

    def do() -> bool:
        with database.session(writes=True) as db:
            try:
                second(db)
            except CampaignError:
                return False
            db.commit()
            return True

    with ThreadPoolExecutor(1) as pool, database.session(writes=True) as db:
        first(db)
        other = pool.submit(do)
        wait([other], 0.2)  # time enough to finish, if no lock stops it
        db.commit()
        return other.result(30)
