"""The campaign's content: accused state, persons, claims, instruments and letters."""

from campaign.appeal.content import Appeal, Ask, Change, Claim, Instrument, LetterFile, Person, Source
from campaign.appeal.reading import load

__all__ = ["Appeal", "Ask", "Change", "Claim", "Instrument", "LetterFile", "Person", "Source", "load"]
