"""The canonical form of e-mail addresses: all spellings of one mailbox have the same."""

import string
from typing import NamedTuple

import idna

from campaign.reference.normal_form import normal_form

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class Provider(NamedTuple):
    """A provider's rules for the part before the @ of its addresses."""

    domains: tuple[str, ...]
    tag: str = "+"
    """The provider ignores this character and everything after it; empty: nothing is ignored."""
    ignored: str = ""
    """Characters that the provider ignores."""
    alike: str = ""
    """Characters that the provider treats as the first of them."""
    is_one: bool = False
    """Whether the same name is the same mailbox under every domain."""
    has_subdomains: bool = False
    """Whether ``any@name.domain`` leads to ``name@domain``."""

    def mailbox(self, local: str, domain: str) -> str:
        """Return the canonical form of ``local@domain``."""
        name = local.partition(self.tag)[0] if self.tag else local
        name = name.translate(dict.fromkeys(map(ord, self.ignored)))
        if self.alike:
            name = name.translate(dict.fromkeys(map(ord, self.alike), self.alike[0]))
        name = normal_form("NFC", name or local)
        return f"{name}@{self.domains[0] if self.is_one else domain}"


def _everywhere(name: str, endings: str) -> tuple[str, ...]:
    return tuple(f"{name}.{ending}" for ending in endings.split())


# Treating two people as one is worse than the reverse: the second could not sign. So this table has only
# rules that the provider documents, or that developers of similar tools found; checked in November 2026.
#
# Google     support.google.com/mail/answer/7436150 (dots), /answer/10313 (googlemail.com); dots mean
#            nothing in its own domains alone, not in those of its business customers.
# Microsoft  plus signs at Hotmail since 2013: zdnet.com, "Microsoft adds support for custom '+' email
#            addresses", 2020; the domains as in validator.js 13.15 (normalizeEmail), which calls them
#            incomplete. The same name may be two people under two of them.
# Apple      support.apple.com/118230 (the three domains are one); plus signs: email-normalize 3.1.
# Proton     proton.me/support/change-username ("." "_" "-" are transparent), /addresses-and-aliases (plus
#            signs; a name is its owner's alone under every domain of Proton).
# Fastmail   fastmail.help/hc/en-us/articles/360060591053 (plus signs and subdomains).
# Yandex     yandex.com/support/domain/additional/mailbox-alias.xml (the domains are one); which they are,
#            and that "." and "-" are alike, as Yandex's own EuEmailServiceTest (2019) has it; plus signs:
#            email-normalize 3.1.
# Zoho       email-normalize 3.1 (plus signs).
#
# Left out, because no source was found: Mail.ru (the makers of email-normalize searched in 2020,
# issue 2), GMX, Web.de, Tuta. At Yahoo a name-keyword address is no spelling of another one
# (help.yahoo.com/kb/SLN28815.html).
PROVIDERS = (
    Provider(("gmail.com", "googlemail.com"), ignored=".", is_one=True),
    Provider(
        (
            *_everywhere(
                "hotmail",
                "at be ca cl co.il co.nz co.th co.uk com com.ar com.au com.br com.gr com.mx com.pe com.tr"
                " com.vn cz de dk es fr hu id ie in it jp kr lv my ph pt sa sg sk",
            ),
            *_everywhere("live", "be co.uk com com.ar com.mx de es eu fr it nl"),
            *_everywhere(
                "outlook",
                "at be cl co.il co.nz co.th com com.ar com.au com.br com.gr com.pe com.tr com.vn cz de dk"
                " es fr hu id ie in it jp kr lv my ph pt sa sg sk",
            ),
            "msn.com",
            "passport.com",
        )
    ),
    Provider(("icloud.com", "me.com", "mac.com"), is_one=True),
    Provider(("proton.me", "protonmail.com", "pm.me", "protonmail.ch"), ignored="._-", is_one=True),
    Provider(("fastmail.com", "fastmail.fm"), has_subdomains=True),
    Provider(
        (
            "yandex.ru",
            "ya.ru",
            *_everywhere(
                "yandex",
                "az by co.il com com.am com.ge com.ru com.tr com.ua ee fr kg kz lt lv md tj tm ua uz",
            ),
        ),
        alike="-.",
        is_one=True,
    ),
    Provider(("zoho.com", "zohomail.com")),
)

# All addresses below a name are one person's: addy.io/help/what-are-the-different-kinds-of-aliases (with
# either domain), support.mozilla.org/kb/general-questions-about-relay-email-domains, and the domains of
# SimpleLogin that lists of such services share. What stands in one of these itself is anybody's.
_ALIAS_DOMAINS = {
    "anonaddy.com": "anonaddy.com",
    "anonaddy.me": "anonaddy.com",
    "mozmail.com": "mozmail.com",
} | {
    each: each
    for each in (
        "8alias.com",
        "8shield.net",
        "aleeas.com",
        "dralias.com",
        "silomails.com",
        "slmail.me",
        "slmails.com",
    )
}
"""The domain that stands for each."""

_BY_DOMAIN = {domain: provider for provider in PROVIDERS for domain in provider.domains}
_WITH_SUBDOMAINS = tuple(
    domain for provider in PROVIDERS if provider.has_subdomains for domain in provider.domains
)


def canonical_address(address: str) -> str:
    """Return the form that all spellings of a mailbox's address share; do not send mail to it."""
    # Letters beyond ASCII keep their case: casefolding makes one mailbox of "ſ" and "s", "ß" and "ss".
    local = normal_form("NFC", address.strip().rpartition("@")[0]).translate(_LOWER)
    domain = domain_of(address)
    below, base = _split(domain)
    if below and base in _ALIAS_DOMAINS:
        return f"any@{below[-1]}.{_ALIAS_DOMAINS[base]}"
    if len(below) == 1 and base in _WITH_SUBDOMAINS:
        local, domain = below[0], base
    if local.startswith('"'):  # in quotes every character counts
        return f"{local}@{domain}"
    provider = _BY_DOMAIN.get(domain)
    return provider.mailbox(local, domain) if provider else f"{local}@{domain}"


def provider_domains(domain: str) -> tuple[str, ...]:
    """Return all domains of the mail provider that *domain* belongs to, as far as it is known."""
    provider = _BY_DOMAIN.get(domain)
    return provider.domains if provider else (domain,)


def _split(domain: str) -> tuple[list[str], str]:
    """Return the labels of *domain* below the last two, and the last two."""
    labels = domain.split(".")
    return labels[:-2], ".".join(labels[-2:])


def untagged_address(mailbox: str) -> str:
    """Return a canonical address without its tag, at any provider: most, if not all, ignore it.

    To count mails, two people taken for one do no harm; to count signatures they would.
    """
    local, _, domain = mailbox.rpartition("@")
    name = local.strip('"').partition("+")[0]
    return f"{name or local}@{domain}"


def domain_of(address: str) -> str:
    """Return the domain of *address* in lower-case ASCII (IDNA), or as typed when it has no such form."""
    domain = address.strip().rpartition("@")[2].rstrip(".")
    if domain.isascii():  # nearly all; IDNA would only change their case
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode().lower()
    except idna.IDNAError:
        return domain.translate(_LOWER)
