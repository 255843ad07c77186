"""Replay the journal on a database that is older than it."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database import batch, journal
from campaign.database.journal_line import Act, Line
from campaign.database.restoration import Restoration, mark
from campaign.delivery import delegation, journaled
from campaign.delivery.model import DeliveryRow
from campaign.disclosure import approval, safety_list
from campaign.disclosure.approval import Outcome
from campaign.errors import NoAccessLeftError, OrganiserError
from campaign.operations.emergency import destroy_keys
from campaign.operations.unreplayed import Unreplayed, in_order
from campaign.organiser import campaign_key_change, membership, promotion
from campaign.organiser.account import account_by_id
from campaign.organiser.audit_log import COMMAND_LINE
from campaign.organiser.role import reaches
from campaign.organiser.session import OrganiserSession
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping
from campaign.signature import announcement, erase, invalidation
from campaign.signature.invalidation import Invalidation
from campaign.signature.model import DISCLOSURES, Signature
from campaign.signature.withdraw import set_disclosure, withdraw_locked


@dataclass
class Replay:
    """A replay in one transaction, and what it changed so far."""

    db: Session
    appeal: Appeal
    now: datetime
    replayed: Counter[str] = field(default_factory=Counter)
    reported: Counter[str] = field(default_factory=Counter)
    erases: bool = False
    """Whether to repeat an erasure of everything personal."""
    kept_organisers: int = 0

    def run(self, lines: Iterable[Line]) -> None:
        """Replay *lines* in their order; acts about unknown rows change nothing."""
        acts = [
            act for line in lines for act in line.acts if self.erases or act["act"] not in journal.ERASURES
        ]
        for act in in_order(acts):
            name = act["act"]
            if name in journal.REPORTED:
                self.reported[name] += 1
            elif name in _REPLAYED:
                self.replayed[name] += _REPLAYED[name](self, act)
        # Last, since after it nothing can be replayed.
        if any(act["act"] == journal.DESTROY for act in acts):
            destroy_keys.destroy_in(self.db, self.now)
            self.replayed[journal.DESTROY] += 1

    def result(self, found: Unreplayed) -> Restoration:
        """Return what owners are shown."""
        return Restoration(
            on=self.now.date(),
            replayed={name: number for name, number in self.replayed.items() if number},
            reported=dict(self.reported),
            kept_organisers=self.kept_organisers,
            missing_journals=found.missing_journals,
            missing_lines=sum(found.missing.values()),
            conflicting_lines=found.conflicting_lines,
        )


def replay_lines(
    db: Session, appeal: Appeal, found: Unreplayed, *, erases: bool = False, now: datetime
) -> Replay:
    """Replay what the database of *db* lacks; an erasure of everything personal only if it *erases*."""
    used = db.info.get("journal")
    journal.use(db, None)
    replay = Replay(db, appeal, now, erases=erases)
    replay.run(found.lines)
    for part, lines in found.parts.items():
        journal.set_position(db, part, max(found.known.get(part, 0), lines[-1].number))
    db.flush()
    journal.use(db, used)
    return replay


def mark_restored(db: Session, restoration: Restoration) -> None:
    """Stop publication and delivery, and end what may have been used or revoked since.

    These are sessions, invitations and promotions. A setup link stays: it alone opens a provisional key.
    """
    db.execute(delete(OrganiserSession))
    db.execute(
        delete(KeyWrapping).where(
            KeyWrapping.kind.in_(["link", promotion.KIND]), KeyWrapping.holder_id.is_not(None)
        )
    )
    key = db.scalar(select(CampaignKey.id).where(CampaignKey.is_current))
    mark(db, restoration, held_key=campaign_key_change.is_due(db), key=key)


def _locked(db: Session, act: Act) -> Signature | None:
    key = act["state"], UUID(act["id"])
    found = db.get(Signature, key, with_for_update=True, populate_existing=True)
    return found if found is not None and found.withdrawn_on is None else None


def _withdraw(replay: Replay, act: Act) -> int:
    signature = _locked(replay.db, act)
    if signature is None:
        return 0
    withdrawn_at = datetime.combine(journal.day(act["on"]), datetime.min.time(), replay.now.tzinfo)
    withdraw_locked(replay.db, [signature], now=withdrawn_at)
    replay.db.flush()
    return 1


def _disclose(replay: Replay, act: Act) -> int:
    signature, order = _locked(replay.db, act), DISCLOSURES.index
    if signature is None or order(act["disclosure"]) <= order(signature.disclosure):
        return 0
    set_disclosure(replay.db, signature, act["disclosure"])
    replay.db.flush()
    return 1


def _decline_names(replay: Replay, act: Act) -> int:
    return _decline(replay, act, approval.decline_names, "name_review")


def _decline_words(replay: Replay, act: Act) -> int:
    return _decline(replay, act, approval.decline_words, "words_review")


def _decline(replay: Replay, act: Act, decline: Callable[..., Counter[Outcome]], review: str) -> int:
    signature = _locked(replay.db, act)
    if signature is None:
        return 0
    keys = [(signature.state_code, signature.id)]
    return decline(replay.db, keys, shown=getattr(signature, review))[Outcome.DECIDED]


def _invalidate(replay: Replay, act: Act) -> int:
    decision = UUID(act["decision"])
    if replay.db.get(Invalidation, decision) is None:
        replay.db.add(Invalidation(id=decision, made_at=replay.now, organiser="", number=0))
        replay.db.flush()
    keys = [(state_code, UUID(each)) for state_code, each in act["signatures"]]
    return invalidation.invalidate(replay.db, decision, keys)


def _undo(replay: Replay, act: Act) -> int:
    total, decision = 0, UUID(act["decision"])
    while number := invalidation.undo(replay.db, decision, by=COMMAND_LINE, now=replay.now):
        total += number
    return total


def _protect(replay: Replay, act: Act) -> int:
    wanted = safety_list.Change(withhold=frozenset(act["withhold"]), protect=frozenset(act["protect"]))
    before = safety_list.current_lists(replay.db, replay.appeal)
    if wanted.withhold <= before.no_names_to and wanted.protect <= before.endangered_residences:
        return 0
    safety_list.change(replay.db, replay.appeal, wanted, by=COMMAND_LINE, now=replay.now)
    return 1


def _remove_organiser(replay: Replay, act: Act) -> int:
    try:
        membership.remove(replay.db, UUID(act["organiser"]), now=replay.now)
    except NoAccessLeftError:
        replay.kept_organisers += 1
        return 0
    except OrganiserError:
        # Removed before; or unknown, since the backup is from before the account: it held the present key.
        campaign_key_change.mark_due(replay.db, now=replay.now)
        return 0
    return 1


def _lower_role(replay: Replay, act: Act) -> int:
    account = account_by_id(replay.db, UUID(act["organiser"]))
    if account is None:
        campaign_key_change.mark_due(replay.db, now=replay.now)  # as for an unknown one who was removed
        return 0
    if account.role == act["role"] or not reaches(account.role, act["role"]):
        return 0
    try:
        membership.change_role(replay.db, account.id, act["role"], by=None, now=replay.now)
    except NoAccessLeftError:
        replay.kept_organisers += 1
        return 0
    return 1


def _end_invitation(replay: Replay, act: Act) -> int:
    if act.get("held_key"):
        campaign_key_change.mark_due(replay.db, now=replay.now)
    return 1  # all of them end


def _change_key(replay: Replay, act: Act) -> int:
    if act.get("is_provisional"):
        return 0  # the first organiser makes a key
    # By the next organiser who logs in: it takes the key.
    campaign_key_change.mark_due(replay.db, now=replay.now)
    return 1


def _erase_digests(replay: Replay, act: Act) -> int:
    deque(erase.erase_digests(replay.db), maxlen=0)
    announcement.note_digests_erased(replay.db, journal.day(act["closes_on"]))
    return 1


def _erase(replay: Replay, act: Act) -> int:
    # In one transaction: no site is running.
    deque(erase.erase_personal_data(replay.db), maxlen=0)
    deque(batch.delete(replay.db, DeliveryRow), maxlen=0)
    journaled.delete_key(replay.db)
    if "closes_on" in act:
        announcement.note_names_erased(replay.db, journal.day(act["on"]))
        announcement.note_digests_erased(replay.db, journal.day(act["closes_on"]))
    return 1


_REPLAYED: Mapping[str, Callable[[Replay, Act], int]] = {
    journal.WITHDRAW: _withdraw,
    journal.REPLACE: _withdraw,
    journal.DISCLOSE: _disclose,
    journal.DECLINE_NAMES: _decline_names,
    journal.DECLINE_WORDS: _decline_words,
    journal.INVALIDATE: _invalidate,
    journal.UNDO: _undo,
    journal.PROTECT: _protect,
    journal.CHANGE_ADDRESS: lambda replay, act: delegation.remove(replay.db, act["state"]),
    journal.DELIVER: lambda replay, act: journaled.replay_sending(replay.db, act),
    journal.NOTIFY: lambda replay, act: journaled.replay_notice(replay.db, act),
    journal.OUTCOME: lambda replay, act: journaled.replay_outcome(replay.db, act),
    journal.REMOVE_ORGANISER: _remove_organiser,
    journal.LOWER_ROLE: _lower_role,
    journal.END_INVITATION: _end_invitation,
    journal.CHANGE_KEY: _change_key,
    journal.ERASE_DIGESTS: _erase_digests,
    journal.ERASE: _erase,
}
