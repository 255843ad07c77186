"""Everything personal erased at once: first every key goes, then what is left, by now noise, is scrubbed."""

from campaign.emergency.keys import destroy
from campaign.emergency.rows import finish, is_unfinished, scrub, steps
from campaign.emergency.trace import cut_off

__all__ = ["cut_off", "destroy", "finish", "is_unfinished", "scrub", "steps"]
