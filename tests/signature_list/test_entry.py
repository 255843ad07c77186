import re
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from campaign.disclosure import published_name
from campaign.letter.edition import Version
from campaign.sealing import box
from campaign.sealing.box import Details
from campaign.sealing.campaign_key import CampaignKey
from campaign.sealing.key_ring import key_ring
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import Signature
from campaign.signature.select import in_list_order
from campaign.signature_list import entry
from campaign.signature_list.entry import ListEntry
from tests.conftest import NOW
from tests.support.factories import make_owner, make_signature


def names(*entries: ListEntry) -> list[tuple[int, str]]:
    return [(each.number, each.name) for each in entries]


def test_the_entries_of_each_letter_are_numbered_from_1(db: Session, keys: ServerKeys) -> None:
    owner = make_owner(db)
    for state in ("de", "fr"):
        for _ in range(2):
            make_signature(db, keys, state=state, name=f"Mara of {state}")

    listed = entry.for_organisers(db, ["fr", "de", "it"], key_ring(db, owner.campaign_private_key))

    assert names(*listed) == [(1, "Mara of fr"), (2, "Mara of fr"), (1, "Mara of de"), (2, "Mara of de")]


def test_a_signature_without_a_box_or_with_one_of_another_key_is_listed_without_a_name(
    db: Session, keys: ServerKeys
) -> None:
    owner = make_owner(db)
    make_signature(db, keys, disclosure="counted")
    other = make_signature(db, keys, name="Lost Name", town="Smalltown")
    earlier = CampaignKey(public_key=b"0" * 32, is_current=False, is_provisional=True, made_at=NOW, mac=b"")
    db.add(earlier)
    db.flush()
    other.row.key_id = earlier.id
    other.row.sealed = box.seal(Details(name="Lost Name"), box.new_pair()[1], other.row.context)
    db.commit()

    listed = list(entry.for_organisers(db, ["de"], key_ring(db, owner.campaign_private_key)))

    assert names(*listed) == [(1, ""), (2, "")]


def test_a_delegations_list_is_ordered_by_text_and_versions_with_one_text_count_as_one(
    db: Session, keys: ServerKeys
) -> None:
    owner = make_owner(db)
    for edition in (1, 2, 3):
        make_signature(db, keys, name=f"Edition {edition}", edition=edition)
    make_signature(db, keys, name="French", edition=3, language="fr")
    own, french, second, first = Version(3, "en"), Version(3, "fr"), Version(2, "en"), Version(1, "en")
    assert entry.other_versions(db, "de", own) == [french, second, first]

    key, groups = key_ring(db, owner.campaign_private_key), [(own, first), (french,), (second,)]
    listed = list(entry.for_delegation(db, "de", key, text_groups=groups))

    assert {each.name for each in listed[:2]} == {"Edition 1", "Edition 3"}
    assert [each.name for each in listed[2:]] == ["French", "Edition 2"]
    assert [each.number for each in listed] == [1, 2, 3, 4]
    assert [each.version for each in listed] == [own, own, french, second]


def test_the_order_of_a_list_says_nothing_about_when_somebody_signed(db: Session, keys: ServerKeys) -> None:
    owner = make_owner(db)
    ring = key_ring(db, owner.campaign_private_key)
    rows = [
        make_signature(db, keys, residence=residence, on=NOW.date() - timedelta(days=ago)).row
        for ago in range(6)
        for residence in ("DE", "FR")
    ]
    by_key = sorted(row.id for row in rows)
    own_first = [
        id_ for residence in ("DE", "FR") for id_ in sorted(r.id for r in rows if r.residence == residence)
    ]

    assert [each.signature_id for each in entry.for_organisers(db, ["de"], ring)] == by_key
    for _delivery in range(2):
        listed = list(entry.for_delegation(db, "de", ring, text_groups=[(Version(1, "en"),)]))
        assert [each.signature_id for each in listed] == own_first
        assert [each.number for each in listed] == list(range(1, 13))


def test_a_list_holds_neither_residence_nor_language_of_somebody_who_is_only_counted(
    db: Session, keys: ServerKeys
) -> None:
    owner = make_owner(db)
    make_signature(db, keys, disclosure="counted", residence="KZ", language="kk")

    [listed] = entry.for_organisers(db, ["de"], key_ring(db, owner.campaign_private_key))

    assert (listed.name, listed.residence, listed.language) == ("", "", "")


def test_lists_and_pages_of_names_come_from_an_index_in_their_order(db: Session) -> None:
    queries = [in_list_order("de").where(Signature.residence == "DE"), in_list_order("de")]
    queries.append(published_name._names().order_by(Signature.id))
    is_sqlite = db.get_bind().dialect.name == "sqlite"
    if not is_sqlite:  # a small table is always read whole, and sorted
        for way in ("seqscan", "bitmapscan", "sort"):
            db.execute(text(f"SET LOCAL enable_{way} = off"))
    for query in queries:
        sql = query.compile(db.get_bind(), compile_kwargs={"literal_binds": True})
        explained = db.execute(text(f"EXPLAIN {'QUERY PLAN' if is_sqlite else ''} {sql}")).all()
        plan = " ".join(str(step) for step in explained)
        assert "Sort" not in plan
        assert "B-TREE" not in plan
        assert re.search("Index Scan|USING (PRIMARY KEY|INDEX)", plan), plan
