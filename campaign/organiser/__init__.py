"""Organisers: their accounts and roles, what they log in with, and how the campaign's key reaches them."""

from campaign.organiser.account import (
    Organiser,
    Unlocked,
    any_exist,
    called,
    clean_name,
    everyone,
    folded,
    lock,
)
from campaign.organiser.invitation import INVITATION_LASTS, invite, join
from campaign.organiser.login import check_passphrase, unlock
from campaign.organiser.passphrase import SHORTEST_PASSPHRASE, Weakness, offered_passphrase
from campaign.organiser.passphrase import clean as clean_passphrase
from campaign.organiser.recovery import (
    RECOVERY_CODE_GROWS_OLD,
    is_due,
    make_recovery_code,
    recover,
    recovery_codes,
    try_recovery_code,
)
from campaign.organiser.role import ORGANISER, OWNER, READER, ROLES, opens_names, reaches
from campaign.organiser.second_factor import TypedCode

__all__ = [
    "INVITATION_LASTS",
    "ORGANISER",
    "OWNER",
    "READER",
    "RECOVERY_CODE_GROWS_OLD",
    "ROLES",
    "SHORTEST_PASSPHRASE",
    "Organiser",
    "TypedCode",
    "Unlocked",
    "Weakness",
    "any_exist",
    "called",
    "check_passphrase",
    "clean_name",
    "clean_passphrase",
    "everyone",
    "folded",
    "invite",
    "is_due",
    "join",
    "lock",
    "make_recovery_code",
    "offered_passphrase",
    "opens_names",
    "reaches",
    "recover",
    "recovery_codes",
    "try_recovery_code",
    "unlock",
]
