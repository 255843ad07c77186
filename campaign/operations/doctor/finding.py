"""What the doctor says: one sentence for each thing found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One sentence about what was found."""

    text: str
    is_serious: bool = False
