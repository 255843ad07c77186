"""A signature's life: sign, confirm, change who may see the name, withdraw, erase."""

from campaign.signature.change import disclose, open_link, withdraw
from campaign.signature.confirm import confirm, confirm_all
from campaign.signature.erase import erase_due, months_later
from campaign.signature.invalidation import Invalidation
from campaign.signature.links import ask_for_links, count_links, send_links
from campaign.signature.review import (
    approve_names,
    approve_words,
    decline_names,
    decline_names_from,
    decline_words,
)
from campaign.signature.row import Signature, SignatureToken
from campaign.signature.sign import Signing, sign, sign_all

__all__ = [
    "Invalidation",
    "Signature",
    "SignatureToken",
    "Signing",
    "approve_names",
    "approve_words",
    "ask_for_links",
    "confirm",
    "confirm_all",
    "count_links",
    "decline_names",
    "decline_names_from",
    "decline_words",
    "disclose",
    "erase_due",
    "months_later",
    "open_link",
    "send_links",
    "sign",
    "sign_all",
    "withdraw",
]
