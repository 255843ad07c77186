"""Misspelt domains of well-known mail providers, such as ``gmial.com`` and ``gmail.con``."""

from campaign.guard.mail_domain import PUBLIC

USUAL = (
    "gmail.com",
    "hotmail.com",
    "outlook.com",
    "yahoo.com",
    "icloud.com",
    "mail.ru",
    "yandex.ru",
    "proton.me",
    "protonmail.com",
    "googlemail.com",
)
"""The providers that are meant most often, the first of them first."""

_ONE_ENDING = {"gmail": "gmail.com", "googlemail": "googlemail.com", "icloud": "icloud.com"}
"""Providers whose addresses have this one ending, by their name."""

_SHORTEST_NAME = 5
"""Letters of a provider's name: one letter away from a shorter one lie too many real domains."""


def meant_domain(domain: str) -> str | None:
    """Return the well-known provider that was probably meant by *domain*; ``None`` for all other domains.

    It is one step away: a letter is missing, added or wrong, or two are swapped. A rare domain may be one
    step away too, so this is for a question, never for a refusal.

    Args:
        domain: In lower-case ASCII, as :func:`campaign.sealing.address.domain_of` returns it.
    """
    if domain in PUBLIC:
        return None
    name, _, ending = domain.partition(".")
    if name in _ONE_ENDING and "." not in ending:
        return _ONE_ENDING[name]
    near = {
        each for each in _candidates(domain) if _is_one_step(domain, each) and not _is_sister(domain, each)
    }
    return next((each for each in USUAL if each in near), min(near, default=None))


def is_misspelt(domain: str) -> bool:
    """Whether *domain* differs from one of the usual providers by a slip of the fingers.

    A wrong letter is not enough: ``amail.com`` is a service of its own.
    """
    meant = meant_domain(domain)
    if meant not in USUAL:
        return False
    return len(domain) != len(meant) or sorted(domain) == sorted(meant)


def _shortened(domain: str) -> set[str]:
    """Return *domain* without one of its characters, in every way."""
    return {domain[:at] + domain[at + 1 :] for at in range(len(domain))}


def _index() -> dict[str, set[str]]:
    """Return the providers by themselves and by each of their shortened forms."""
    index: dict[str, set[str]] = {}
    for provider in PUBLIC:
        if provider in USUAL or len(provider.partition(".")[0]) >= _SHORTEST_NAME:
            for form in {provider, *_shortened(provider)}:
                index.setdefault(form, set()).add(provider)
    return index


_INDEX = _index()


def _candidates(domain: str) -> set[str]:
    """Return the providers that share *domain* or a shortened form with it: at most two steps away."""
    return {provider for form in {domain, *_shortened(domain)} for provider in _INDEX.get(form, ())}


def _is_one_step(domain: str, provider: str) -> bool:
    if len(domain) != len(provider):
        longer, shorter = sorted((domain, provider), key=len, reverse=True)
        return shorter in _shortened(longer)
    differing = [at for at, (one, other) in enumerate(zip(domain, provider, strict=True)) if one != other]
    if len(differing) == 1:
        return True
    is_pair = len(differing) == 2 and differing[1] == differing[0] + 1
    return is_pair and sorted(domain) == sorted(provider)


def _is_sister(domain: str, provider: str) -> bool:
    """Whether only the endings differ, and are two States': ``mail.cz`` may be as real as ``mail.kz``."""
    name, _, ending = domain.rpartition(".")
    other_name, _, other_ending = provider.rpartition(".")
    is_swapped = sorted(ending) == sorted(other_ending)
    return name == other_name and len(ending) == len(other_ending) == 2 and not is_swapped
