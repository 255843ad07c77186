"""A finding of the doctor."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One sentence for the operator."""

    text: str
    is_serious: bool = False
