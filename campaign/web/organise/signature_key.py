"""Keys of signatures as text, in the forms of lists of signatures."""

from uuid import UUID

from campaign.reference.participating_state import STATES
from campaign.signature.model import SignatureKey


def key_text(key: SignatureKey) -> str:
    """Return *key* as the value of a form field."""
    state_code, signature_id = key
    return f"{state_code}:{signature_id.hex}"


def read_key(text: str) -> SignatureKey | None:
    """Return the key in the value of a form field, or ``None`` if it is not one."""
    state_code, _, hexadecimal = text.partition(":")
    try:
        return STATES[state_code].code, UUID(hexadecimal)
    except (KeyError, ValueError):
        return None


def read_keys(texts: list[str]) -> list[SignatureKey]:
    """Return the keys in the values of a repeated form field; other values are left out."""
    return [key for text in texts if (key := read_key(text))]
