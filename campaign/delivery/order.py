"""An organiser's order to send a letter, and what sending needs."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from campaign.appeal.content import Appeal
from campaign.clock import Clock
from campaign.database.session import Database
from campaign.organiser.account import Unlocked
from campaign.reference.language import ENGLISH, Language
from campaign.reference.participating_state import ParticipatingState
from campaign.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Sender:
    """The parts of the site that sending needs, and the organiser who sends."""

    database: Database
    settings: Settings
    appeal: Appeal
    organiser: Unlocked
    clock: Clock


@dataclass(frozen=True, kw_only=True)
class Order:
    """An organiser's decision on the preview's page."""

    delivery_id: UUID
    state: ParticipatingState
    confirmed: Collection[str] = ()
    """The cautions that the organiser confirmed."""
    latest_id: UUID | None = None
    """The latest delivery to this delegation that the page showed, if any."""
    language: Language = ENGLISH
    shown: str | None = None
    """The digest :attr:`campaign.delivery.plan.Plan.shown` of the page; ``None`` where there was no page."""
