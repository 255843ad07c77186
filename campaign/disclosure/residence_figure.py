"""Counts by residence, merged so that no figure that leaves the site points to one person."""

from collections.abc import Collection, Mapping

from campaign.reference.residence import ELSEWHERE

FEW = 5
"""A smaller number could point to somebody: few people from one place may live in another."""


def merge_residences(
    numbers: Mapping[str, int], *, own: str, endangered: Collection[str]
) -> tuple[tuple[str, int], ...]:
    """Return residence and number: the *own* residence first, then the largest, "elsewhere" last.

    Numbers below :data:`FEW` and those of *endangered* residences are counted as "elsewhere". The total is
    known, so a small "elsewhere" would itself be such a number: then the smallest other ones join it, and
    if nothing else is left, there is no table.
    """
    shown = {code: number for code, number in numbers.items() if number >= FEW and code not in endangered}
    elsewhere = sum(numbers.values()) - sum(shown.values())
    while shown and 0 < elsewhere < FEW:
        elsewhere += shown.pop(min(shown, key=lambda code: (code == own, shown[code], code)))
    if not shown:
        return ()
    in_order = sorted(shown.items(), key=lambda each: (each[0] != own, -each[1], each[0]))
    return (*in_order, (ELSEWHERE, elsewhere)) if elsewhere else tuple(in_order)
