"""Restoring a backup brings nobody back: the journal repeats what came after it."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from campaign.appeal.content import Appeal
from campaign.database import journal
from campaign.database.journal_file import Journal
from campaign.database.session import Database
from campaign.delivery import delegation, journaled, notice, outcome, readiness
from campaign.delivery.delegation import Address
from campaign.delivery.model import ACCEPTED, PREPARED, SENDING, Delivery, DeliveryRow, advance, by_code
from campaign.delivery.notice import pending
from campaign.disclosure import approval, safety_list
from campaign.errors import CampaignError, JournalError, OrganiserError, SettingsError, WrongKeyError
from campaign.operations import closing as campaign_closing
from campaign.operations import start
from campaign.operations.doctor import journal as journal_doctor
from campaign.operations.emergency import destroy_keys
from campaign.operations.restore import restore
from campaign.organiser import campaign_key_change, membership, promotion, recovery
from campaign.organiser.account import Organiser, all_accounts
from campaign.organiser.invitation import invite, join, revoke
from campaign.organiser.invitation import pending as invitations
from campaign.organiser.organisation import Organisation, save_organisation
from campaign.organiser.role import OWNER, READER
from campaign.organiser.session import OrganiserSession
from campaign.organiser.session import start as log_in
from campaign.reference.participating_state import STATES
from campaign.sealing import campaign_key
from campaign.sealing.campaign_key import KeyWrapping
from campaign.settings import Settings
from campaign.signature import invalidation
from campaign.signature.announcement import DIGESTS, NAMES, ErasureAnnouncement, erased_close, names_erased_on
from campaign.signature.model import PUBLIC, Signature
from campaign.signature.opened import open_letter
from campaign.signature.replace import replace
from campaign.signature.withdraw import disclose, withdraw
from tests.conftest import NOW
from tests.support.factories import (
    PASSPHRASE,
    make_delivery,
    make_organiser,
    make_signature,
)
from tests.support.past_site import LATER, WEEK, deliver
from tests.support.past_site import PastSite as Site

pytestmark = pytest.mark.any_database


@pytest.mark.parametrize("act", [journal.DESTROY, journal.ERASE])
def test_no_start_replays_an_erasure_and_a_command_that_reads_replays_nothing(site: Site, act: str) -> None:
    mara, zoe = site.sign(), site.sign()
    later = site.database.journal
    assert later is not None
    withdrawal = {"act": "withdraw", "state": "de", "id": mara.row.id, "on": NOW.date()}
    later.append(later.part(), 1, [withdrawal])
    later.append(later.part(), 2, [{"act": act, "closes_on": NOW.date(), "on": NOW.date()}])

    start.prepare(site.database, site.settings, site.appeal, now=LATER, only_reads=True)
    assert not site.row(mara).withdrawn_on
    with pytest.raises(JournalError, match="restore"):
        site.start()

    with site.database.reading() as db:
        assert campaign_key.destroyed_at(db) is None
    assert site.row(zoe).sealed
    site.back_up()
    assert site.restore(erases=True).restoration.replayed[act] == 1


def test_a_position_that_lies_brings_nobody_back(site: Site) -> None:
    """SQLite's log that is left beside a copied backup holds the page with the position."""
    mara = site.sign()
    site.back_up()
    with site.writing() as db:
        withdraw(db, mara.token, now=LATER, **WEEK)
        db.commit()
    with closing(sqlite3.connect(site.file)) as connection, connection:
        connection.execute("UPDATE journal SET number = 1")

    site.copy_by_hand()

    assert site.row(mara).withdrawn_on
    assert site.unreviewed() is not None
    site.look()
    site.start()
    assert site.unreviewed() is None


def test_a_log_of_another_file_is_seen_at_the_start(site: Site) -> None:
    site.sign()
    site.database.close()
    path = Path(str(site.database.url.database))
    content = bytearray(path.read_bytes())
    log = path.with_name(path.name + "-wal")
    writer = sqlite3.connect(path)
    writer.execute("CREATE TABLE other (id INTEGER)")
    writer.commit()
    kept = log.read_bytes()
    writer.close()
    content[5 * 4096 :] = b"\7" * (len(content) - 5 * 4096)
    path.write_bytes(content)
    log.write_bytes(kept)

    with pytest.raises(SettingsError, match="belong together"):
        site.start()


def test_who_withdrew_after_the_backup_stays_withdrawn_and_unpublished(site: Site) -> None:
    mara, zoe = (site.sign(name=name, disclosure=PUBLIC) for name in ("Mara Example", "Zoë Example"))
    site.publish(mara, zoe)
    site.back_up()
    with site.writing() as db:
        withdraw(db, mara.token, now=LATER, **WEEK)
        db.commit()

    restored = site.restore()

    assert restored.restoration.replayed == {"withdraw": 1}
    assert restored.differences == []
    assert site.row(mara).withdrawn_on == LATER.date()
    assert site.row(mara).sealed is None
    site.assert_counts_equal_rows()
    assert site.published() == []
    site.look()
    assert site.published() == ["Zoë Example"]


def test_who_was_replaced_after_the_backup_does_not_return_beside_the_later_one(site: Site) -> None:
    mara = site.sign(email="mara@example.org", disclosure=PUBLIC)
    site.publish(mara)
    site.back_up()
    with site.writing() as db:
        later = make_signature(db, site.keys, email="mara@example.org", residence="PL", confirmed=False)
        [waiting] = open_letter(db, later.token, keys=site.keys, now=LATER, **WEEK).pending
        replace(db, later.token, pages=[waiting.shown], keys=site.keys, now=LATER, **WEEK)
        db.commit()

    restored = site.restore()

    assert restored.restoration.replayed == {"replace": 1}
    assert site.row(mara).withdrawn_on == LATER.date()
    assert site.row(mara).sealed is None
    site.assert_counts_equal_rows()
    site.look()
    assert site.published() == []


def test_a_name_that_was_hidden_after_the_backup_stays_hidden(site: Site) -> None:
    moved, declined, other, counted = (
        site.sign(name=f"Mara {number}", disclosure=PUBLIC, words="A sentence.") for number in range(4)
    )
    site.publish(moved, declined, other, counted)
    site.back_up()
    with site.writing() as db:
        disclose(db, moved.token, "delegation", now=LATER, **WEEK)
        disclose(db, counted.token, "counted", now=LATER, **WEEK)
        approval.decline_names(db, [(declined.row.state_code, declined.row.id)], shown="approved")
        approval.decline_words(db, [(other.row.state_code, other.row.id)], shown="approved")
        db.commit()

    site.restore()
    site.look()

    assert site.published() == ["Mara 2"]
    assert site.row(moved).disclosure == "delegation"
    assert (site.row(counted).disclosure, site.row(counted).sealed) == ("counted", None)
    assert site.row(declined).name_review == "declined"
    assert site.row(other).words_review == "declined"


def test_a_choice_to_be_seen_less_is_not_undone_by_an_earlier_act(site: Site) -> None:
    mara = site.sign(disclosure="delegation")
    with site.writing() as db:
        disclose(db, mara.token, PUBLIC, now=NOW, **WEEK)
        db.commit()
    site.back_up()

    site.restore()

    assert site.row(mara).disclosure == PUBLIC, "nothing came after the backup"


def test_what_was_taken_off_the_count_stays_off(site: Site) -> None:
    mara, _other = site.sign(), site.sign()
    site.back_up()
    with site.writing() as db:
        decision = invalidation.record_decision(db, None, "made up", by="Olga Organiser", now=LATER)
        invalidation.invalidate(db, decision.id, [(mara.row.state_code, mara.row.id)])
        db.commit()

    restored = site.restore()

    assert restored.restoration.replayed == {"invalidate": 1}
    assert site.row(mara).invalidation_id == decision.id
    site.assert_counts_equal_rows()
    with site.writing() as db:
        assert invalidation.undo(db, decision.id, by="Olga Organiser", now=LATER) == 1


@pytest.mark.parametrize("backed_up", ["before the decision", "after it"])
def test_a_decision_that_was_undone_after_the_backup_does_not_return(site: Site, backed_up: str) -> None:
    mara, other = site.sign(), site.sign()
    site.back_up()
    with site.writing() as db:
        decision = invalidation.record_decision(db, None, "made up", by="Olga Organiser", now=LATER)
        keys = [(each.row.state_code, each.row.id) for each in (mara, other)]
        invalidation.invalidate(db, decision.id, keys)
        db.commit()
    if backed_up == "after it":
        site.back_up()
    with site.writing() as db:
        withdraw(db, other.token, now=LATER, **WEEK)
        assert invalidation.undo(db, decision.id, by="Olga Organiser", now=LATER) == 1
        db.commit()

    assert site.restore().restoration.replayed["undo decision"] == 1

    assert site.row(mara).invalidation_id is None
    assert site.row(other).withdrawn_on
    site.assert_counts_equal_rows()


@pytest.mark.parametrize("backed_up", ["before the delivery", "after it"])
def test_a_notice_that_was_sent_after_the_backup_is_not_asked_for_again(site: Site, backed_up: str) -> None:
    mara, zoe, ada = site.sign(), site.sign(), site.sign()
    site.back_up()
    sent = deliver(site, [mara, zoe, ada])
    if backed_up == "after it":
        site.back_up()
    with site.writing() as db:
        for made in (zoe, ada):
            withdraw(db, made.token, now=LATER, **WEEK)
        assert notice.record_notified(db, sent.id, [2], on=LATER.date()) == 1
        db.commit()

    assert site.restore().restoration.replayed["notify delegation"] == 1

    with site.database.reading() as db:
        assert [each.numbers for each in notice.pending(db)] == [(3,)]
    lines = Journal(site.settings.instance / "journal").lines()
    [noted] = [act for line in lines for act in line.acts if act["act"] == "notify delegation"]
    assert noted.keys() == {"act", "id", "numbers", "on"}
    assert len(noted["numbers"]) > 40, "encrypted: a receiver of the list could tell who withdrew"


def test_delegations_and_residents_stay_protected(site: Site, appeal: Appeal) -> None:
    mara = site.sign(disclosure=PUBLIC, residence="FR")
    site.publish(mara)
    site.back_up()
    wanted = safety_list.Change(withhold=frozenset({"de"}), protect=frozenset({"FR"}))
    with site.writing() as db:
        safety_list.change(db, appeal, wanted, by="Olga Organiser", now=LATER)
        db.commit()

    site.restore()
    site.look()

    with site.database.reading() as db:
        lists = safety_list.current_lists(db, appeal)
    assert "de" in lists.no_names_to
    assert "FR" in lists.endangered_residences
    assert site.published() == []


def test_a_delivery_after_the_backup_is_known_and_can_be_verified(site: Site) -> None:
    mara, zoe = site.sign(), site.sign()
    with site.writing() as db:
        save_organisation(db, Organisation("Example Foundation", "Exampletown", "office@example.org"))
        delegation.save(db, Address("de", "de@missions.example.org", "a call", NOW.date()), by="O", now=NOW)
        db.commit()
    site.back_up()
    sent = deliver(site, [mara, zoe])

    restored = site.restore()

    assert restored.restoration.replayed == {"deliver": 1, "delivery outcome": 1}
    with site.database.reading() as db:
        known = by_code(db, sent.code)
        assert known is not None
        columns = ("id", "status", "total", "letter_hash", "list_hash", "recipient", "sending_at", "edition")
        for column in columns:
            assert getattr(known, column) == getattr(sent, column), column
        assert readiness.of_state(db, STATES["de"]).obstacle == "restored"
    site.look()
    with site.database.reading() as db:
        assert readiness.of_state(db, STATES["de"]).obstacle == "sent"


def test_an_address_that_was_corrected_after_the_backup_does_not_return(site: Site) -> None:
    def save(email: str) -> None:
        with site.writing() as db:
            delegation.save(db, Address("de", email, "a call", NOW.date()), by="Olga", now=NOW)
            db.commit()

    save("wrong@lookalike.example")
    site.back_up()
    save("de@missions.example.org")

    assert site.restore().restoration.replayed == {"change address": 1}

    with site.database.reading() as db:
        assert delegation.delegations(db) == {}


def test_a_delivery_whose_outcome_is_unknown_is_uncertain(site: Site) -> None:
    mara = site.sign()
    site.back_up()
    sent = deliver(site, [mara], status=SENDING)

    site.restore()

    with site.database.reading() as db:
        assert db.get_one(Delivery, sent.id).status == "uncertain"


def test_a_delivery_that_was_prepared_in_the_backup_was_sent_after_it(site: Site) -> None:
    mara = site.sign()
    with site.writing() as db:
        made = make_delivery(db, [mara.row], status=PREPARED, sending_at=None, settled_at=None)
    site.back_up()
    with site.writing() as db:
        advance(db, SENDING, Delivery.id == made.id, sending_at=LATER)
        journaled.record_sending(db, made.id)
        db.commit()
        outcome_of = Delivery.id == made.id
        advance(db, ACCEPTED, outcome_of, smtp_code=250, settled_at=LATER)
        outcome.note_reply(db, made.id, replied_on=LATER.date(), note="Thank you.", by="Olga", now=LATER)
        db.commit()

    site.restore()

    with site.database.reading() as db:
        known = db.get_one(Delivery, made.id)
        assert (known.status, known.replied_on, known.note) == ("replied", LATER.date(), "")


def test_the_numbers_of_a_list_are_known_so_that_a_later_withdrawal_is_notified(site: Site) -> None:
    mara, zoe = site.sign(), site.sign()
    site.back_up()
    deliver(site, [mara, zoe])
    assert zoe.row.id.hex not in Journal(site.settings.instance / "journal").path.read_text().replace("-", "")

    site.restore()
    with site.writing() as db:
        withdraw(db, zoe.token, now=LATER, **WEEK)
        db.commit()
        assert [notice.numbers for notice in pending(db)] == [(2,)]


def test_the_final_erasure_makes_the_numbers_in_the_journal_unreadable(site: Site) -> None:
    mara = site.sign()
    site.back_up()
    deliver(site, [mara])
    with site.writing() as db:
        journaled.delete_key(db)
        db.execute(delete(DeliveryRow))
        db.execute(delete(Delivery))
        [act] = [
            each
            for line in Journal(site.settings.instance / "journal").lines()
            for each in line.acts
            if each["act"] == "deliver"
        ]
        assert journaled.replay_sending(db, act)
        assert db.scalar(select(DeliveryRow.number)) is None


def test_a_removed_organiser_does_not_return_nor_does_a_role(site: Site) -> None:
    with site.writing() as db:
        removed = make_organiser(db, site.owner, name="Pavel")
        lowered = make_organiser(db, site.owner, name="Robin", role=OWNER)
    site.back_up()
    with site.writing() as db:
        membership.remove(db, removed.id, now=LATER)
        membership.change_role(db, lowered.id, READER, by=site.owner, now=LATER)
        db.commit()

    site.restore()

    with site.database.reading() as db:
        assert {(each.name, each.role) for each in all_accounts(db)} == {
            ("Olga Organiser", "owner"),
            ("Robin", "reader"),
        }
        assert set(db.scalars(select(KeyWrapping.holder_id))) - {None} == {site.owner.id}


def test_an_organiser_without_whom_nobody_opens_names_is_kept_and_named_as_such(site: Site) -> None:
    site.back_up()
    with site.writing() as db:
        heir = make_organiser(db, site.owner, name="Pavel", role=OWNER)
        membership.remove(db, site.owner.id, by=heir, now=LATER)
        db.commit()

    restored = site.restore()

    assert restored.restoration.kept_organisers == 1
    with site.database.reading() as db:
        assert [each.name for each in all_accounts(db)] == ["Olga Organiser"]


def test_sessions_and_invitations_of_the_backup_are_over(site: Site) -> None:
    with site.writing() as db:
        log_in(db, site.owner, keys=site.keys, now=NOW)
        invite(db, site.owner, "Pavel", OWNER, now=NOW)
        db.commit()
    site.back_up()

    site.restore()

    with site.database.reading() as db:
        assert db.scalar(select(OrganiserSession.hash)) is None
        invitation = KeyWrapping.kind == "link", KeyWrapping.holder_id.is_not(None)
        assert db.scalar(select(KeyWrapping.id).where(*invitation)) is None


def test_a_used_invitation_lets_nobody_in_again_after_a_plain_copy(site: Site) -> None:
    with site.writing() as db:
        code = invite(db, site.owner, "Pavel", now=LATER)
        db.commit()
    site.back_up()
    with site.writing() as db:
        joined = join(db, code, PASSPHRASE, now=LATER)
        db.commit()
    with site.writing() as db:
        membership.remove(db, joined.id, by=site.owner, now=LATER)
        db.commit()

    site.copy_by_hand()

    restored = site.unreviewed()
    assert restored is not None
    assert restored.reported == {"join": 1}
    with site.writing() as db:
        assert campaign_key_change.is_due(db), "the one who left held the key of the backup"
        with pytest.raises(WrongKeyError):
            join(db, code, PASSPHRASE, now=LATER)


def test_a_revoked_invitation_lets_nobody_in_after_a_plain_copy(site: Site) -> None:
    with site.writing() as db:
        code = invite(db, site.owner, "Pavel", OWNER, now=LATER)
        db.commit()
    site.back_up()
    with site.writing() as db:
        [waiting] = invitations(db, now=LATER)
        assert revoke(db, site.owner, waiting.id, now=LATER)
        db.commit()

    site.copy_by_hand()

    assert site.unreviewed() is not None
    with site.writing() as db, pytest.raises(WrongKeyError):
        join(db, code, PASSPHRASE, now=LATER)


def test_a_replaced_promotion_is_over_after_a_plain_copy(site: Site) -> None:
    with site.writing() as db:
        reader = make_organiser(db, site.owner, name="Robin", role=READER)
        code = promotion.promote(db, reader.id, OWNER, by=site.owner, now=LATER)
        db.commit()
    site.back_up()
    with site.writing() as db:
        promotion.cancel(db, reader.id)
        db.commit()

    site.copy_by_hand()

    with site.writing() as db, pytest.raises(OrganiserError):
        promotion.accept(db, reader.id, code, PASSPHRASE, now=LATER)


def test_one_missing_line_is_a_restoration_and_ends_sessions(site: Site) -> None:
    mara = site.sign()
    with site.writing() as db:
        log_in(db, site.owner, keys=site.keys, now=NOW)
        db.commit()
    site.back_up()
    with site.writing() as db:
        withdraw(db, mara.token, now=LATER, **WEEK)
        db.commit()

    site.copy_by_hand()

    assert site.unreviewed() is not None
    with site.database.reading() as db:
        assert db.scalar(select(OrganiserSession.hash)) is None


def test_what_only_people_can_repeat_is_reported(site: Site) -> None:
    site.back_up()
    with site.writing() as db:
        recovery.make_recovery_code(db, site.owner, now=LATER)
        db.commit()

    assert site.restore().restoration.reported == {"make recovery code": 1}


def test_boxes_stay_closed_after_an_emergency(site: Site) -> None:
    mara = site.sign()
    site.back_up()
    destroy_keys.destroy(site.database, now=LATER)
    other_key = "another-made-up-secret-key-for-tests-only-012345"
    site.settings = Settings(
        instance=site.settings.instance, database_url=site.settings.database_url, secret_key=other_key
    )

    site.restore(erases=True)
    site.start()

    with site.database.reading() as db:
        assert campaign_key.destroyed_at(db) is not None
        assert db.scalar(select(Organiser.id)) is None
        assert db.scalar(select(KeyWrapping.id)) is None
    assert site.row(mara).sealed is not None, "the worker scrubs it"


def test_what_was_erased_after_the_close_stays_erased(site: Site) -> None:
    mara = site.sign(disclosure=PUBLIC)
    site.publish(mara)
    site.back_up()
    with site.writing() as db:
        days = {"closes_on": NOW.date(), "due_on": NOW.date(), "announced_on": NOW.date()}
        db.add(ErasureAnnouncement(kind=NAMES, seen_on=NOW.date(), days=8, **days))
        assert campaign_closing.begin_due(db, now=LATER) == [NAMES]
        db.commit()

    assert site.restore(erases=True).restoration.replayed == {"erase personal data": 1}

    row = site.row(mara)
    assert (row.sealed, row.digest, row.public_name) == (None, None, None)
    with site.database.reading() as db:
        assert (names_erased_on(db), erased_close(db)) == (LATER.date(), NOW.date())


def test_digests_that_were_erased_after_the_backup_stay_erased(site: Site) -> None:
    mara = site.sign()
    site.back_up()
    with site.writing() as db:
        days = {"closes_on": NOW.date(), "due_on": NOW.date(), "announced_on": NOW.date()}
        db.add(ErasureAnnouncement(kind=DIGESTS, seen_on=NOW.date(), days=8, **days))
        assert campaign_closing.begin_due(db, now=LATER) == [DIGESTS]
        db.commit()

    assert site.restore().restoration.replayed == {"erase digests": 1}

    assert (site.row(mara).digest, site.row(mara).sealed is None) == (None, False)
    with site.database.reading() as db:
        assert (names_erased_on(db), erased_close(db)) == (None, NOW.date())


def test_a_key_that_was_changed_is_changed_again(site: Site) -> None:
    site.back_up()
    with site.writing() as db:
        campaign_key_change.change_campaign_key(db, site.owner, now=LATER)
        db.commit()

    site.restore()

    with site.database.reading() as db:
        assert campaign_key_change.is_due(db)


def test_restoring_twice_and_an_older_backup_after_it_bring_nobody_back(site: Site, tmp_path: Path) -> None:
    mara, zoe = site.sign(), site.sign()
    site.back_up()
    for made in (mara, zoe):
        with site.writing() as db:
            withdraw(db, made.token, now=LATER, **WEEK)
            db.commit()
        site.restore()
        assert site.row(mara).withdrawn_on

    assert site.row(zoe).withdrawn_on
    site.assert_counts_equal_rows()


def test_a_backup_copied_in_place_by_hand_is_seen_at_the_start(site: Site) -> None:
    mara, zoe = site.sign(disclosure=PUBLIC), site.sign(disclosure=PUBLIC)
    site.publish(mara, zoe)
    site.back_up()
    for made in (mara, zoe):
        with site.writing() as db:
            withdraw(db, made.token, now=LATER, **WEEK)
            db.commit()

    site.copy_by_hand()

    assert site.row(mara).withdrawn_on
    assert site.unreviewed() is not None
    site.look()
    site.start()
    assert site.unreviewed() is None


def test_a_backup_without_its_journal_stays_closed_until_an_owner_has_looked(site: Site) -> None:
    mara = site.sign()
    with site.writing() as db:
        withdraw(db, mara.token, now=LATER, **WEEK)
        db.commit()
    site.back_up()
    (site.settings.instance / "journal").unlink()
    site.database = Database.of_site(site.settings)

    site.copy_by_hand()

    found = site.unreviewed()
    assert found is not None
    assert found.missing_journals == 1
    site.look()
    site.start()
    assert site.unreviewed() is None


def test_the_journal_of_another_machine_is_replayed_too(site: Site, tmp_path: Path) -> None:
    mara = site.sign()
    other = Database(site.settings.database_url, journal=Journal(tmp_path / "other.journal", "other"))
    other.info |= site.database.info
    with other.writing() as db:
        recovery.make_recovery_code(db, site.owner, now=NOW)
    site.back_up()
    with other.writing() as db:
        withdraw(db, mara.token, now=LATER, **WEEK)
    other.close()

    assert site.restore().restoration.missing_journals == 1
    assert not site.row(mara).withdrawn_on
    site.database.close()
    restored = restore(
        site.settings,
        site.appeal,
        site.file,
        journals=[tmp_path / "other.journal"],
        replaces=True,
        now=LATER,
    )

    assert restored.restoration.missing_journals == 0
    assert site.row(mara).withdrawn_on


def test_no_page_of_a_backup_keeps_the_order_of_signing(site: Site) -> None:
    ids = [site.sign(name=f"Mara {number}").row.id for number in range(12)]
    site.back_up()

    content = site.file.read_bytes()
    for start_of_page in range(0, len(content), 4096):
        page = content[start_of_page : start_of_page + 4096]
        places = [max(page.rfind(each.hex.encode()), page.rfind(str(each).encode())) for each in ids]
        # A page is filled from its end.
        assert -1 in places or places != sorted(places, reverse=True)


def test_the_replaced_database_stands_aside(site: Site) -> None:
    site.back_up()
    mara = site.sign()

    restored = site.restore()

    assert restored.aside is not None
    with sqlite3.connect(restored.aside) as aside:
        assert aside.execute("SELECT count(*) FROM signature").fetchone() == (1,)
    with site.database.reading() as db:
        assert db.get(Signature, (mara.row.state_code, mara.row.id)) is None
    assert site.restore().aside != restored.aside


def test_an_emergency_destroys_the_copies_beside_the_database(site: Site) -> None:
    site.sign()
    site.back_up()
    aside = site.restore().aside
    path = Path(str(site.database.url.database))
    made = [path.with_name(name) for name in (f"{path.name}.restoring", "night.backup.part")]
    for each in made:
        shutil.copy(site.file, each)
    (path.parent / "letters.part").write_text("somebody else's")

    destroy_keys.destroy(site.database, now=LATER)
    destroy_keys.destroy_copies(site.database)

    assert aside is not None
    assert [each.name for each in (aside, *made) if each.exists()] == []
    assert site.file.exists()
    assert (path.parent / "letters.part").exists()


@pytest.mark.parametrize("is_started", [True, False])
def test_an_emergency_spares_the_database_under_a_second_name(
    site: Site, monkeypatch: pytest.MonkeyPatch, is_started: bool
) -> None:
    """A restoration that is killed before its last step leaves one."""
    site.sign()
    site.back_up()
    with monkeypatch.context() as killed:
        killed.setattr(Path, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            site.restore()
    path = Path(str(site.database.url.database))
    [aside] = path.parent.glob("*.replaced-*")
    assert aside.samefile(path)

    if is_started:
        site.start()
        assert not aside.exists(), "its owner may destroy it"
    destroy_keys.destroy(site.database, now=LATER)
    destroy_keys.destroy_copies(site.database)

    assert not aside.exists()
    site.start()
    with site.database.reading() as db:
        assert campaign_key.destroyed_at(db) is not None


def interrupt(*_about: object) -> None:
    raise KeyboardInterrupt


def test_nothing_changes_if_the_backup_is_no_good(site: Site, tmp_path: Path) -> None:
    mara = site.sign()
    site.back_up()
    whole = site.file.read_bytes()
    broken = bytearray(whole)
    broken[5 * 4096 : 9 * 4096] = b"\7" * 4 * 4096
    empty = tmp_path / "empty.sqlite"
    with sqlite3.connect(empty) as connection:
        connection.execute("CREATE TABLE other (id INTEGER)")
    for content in (b"", b"SQLite, but no", whole[: len(whole) // 2], bytes(broken), empty.read_bytes()):
        site.file.write_bytes(content)
        with pytest.raises(CampaignError, match="backup"):
            site.restore()
        assert site.row(mara)
    left = {path.name for path in Path(str(site.database.url.database)).parent.glob("*.restoring*")}
    assert not left


def test_a_backup_of_another_site_is_refused(site: Site) -> None:
    site.back_up()
    with closing(sqlite3.connect(site.file)) as connection, connection:
        connection.execute("UPDATE site SET content = 'x' WHERE name = 'secret_key_fingerprint'")

    with pytest.raises(SettingsError, match="SECRET_KEY"):
        site.restore()


def test_a_site_that_runs_or_a_database_that_is_there_is_not_replaced(site: Site) -> None:
    site.back_up()
    with site.database.reading() as db:
        db.scalar(select(Organiser.id))
        with pytest.raises(CampaignError, match="another process uses"):
            restore(site.settings, site.appeal, site.file, replaces=True, now=LATER)
    with pytest.raises(CampaignError, match="--replace"):
        site.restore(replaces=False)


def test_a_start_refuses_a_database_that_is_gone(site: Site) -> None:
    mara = site.sign()
    with site.writing() as db:
        withdraw(db, mara.token, now=LATER, **WEEK)
        db.commit()
    site.database.close()
    path = Path(str(site.database.url.database))
    for each in path.parent.glob(path.name + "*"):
        each.unlink()

    with pytest.raises(SettingsError, match="is gone"):
        site.start()
    assert not path.exists()


def test_the_doctor_sees_a_restored_database_and_where_its_journal_is(site: Site) -> None:
    def texts() -> str:
        return " ".join(each.text for each in journal_doctor.findings(site.database) if each.is_serious)

    site.back_up()
    site.restore()
    assert "until an owner has looked" in texts()

    site.look()
    assert texts() == ""
    [finding] = journal_doctor.findings(site.database)
    assert "is on the database's disk" in finding.text
    (site.settings.instance / "journal").chmod(0o644)
    assert "chmod 600" in texts()
