from sqlalchemy.orm import Session

from campaign.sealing import box
from campaign.sealing.box import Details
from campaign.sealing.campaign_key import CampaignKey
from campaign.sealing.key_ring import key_ring
from campaign.sealing.server_key import ServerKeys
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
    earlier = CampaignKey(public_key=b"0" * 32, is_current=False, is_provisional=True, made_at=NOW)
    db.add(earlier)
    db.flush()
    other.row.key_id = earlier.id
    other.row.sealed = box.seal(Details(name="Lost Name"), box.new_pair()[1], other.row.context)
    db.commit()

    listed = list(entry.for_organisers(db, ["de"], key_ring(db, owner.campaign_private_key)))

    assert names(*listed) == [(1, ""), (2, "")]


def test_a_delegations_list_is_ordered_by_edition_groups_which_count_as_one_edition(
    db: Session, keys: ServerKeys
) -> None:
    owner = make_owner(db)
    for edition in (1, 2, 3):
        make_signature(db, keys, name=f"Edition {edition}", edition=edition)
    assert entry.other_editions(db, "de", 3) == [2, 1]

    key, groups = key_ring(db, owner.campaign_private_key), [(3, 1), (2,)]
    listed = list(entry.for_delegation(db, "de", key, edition_groups=groups))

    assert {each.name for each in listed[:2]} == {"Edition 1", "Edition 3"}
    assert listed[2].name == "Edition 2"
    assert [(each.number, each.edition) for each in listed] == [(1, 3), (2, 3), (3, 2)]
