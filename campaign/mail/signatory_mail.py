"""Render mails to signatories as text and HTML, with or without their cause."""

import re
import textwrap
from collections.abc import Mapping
from datetime import date, datetime
from email.message import EmailMessage
from functools import cache
from typing import Any
from uuid import UUID

import resvg_py
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context

from campaign.letter.sheet import WIDTH
from campaign.mail.cause import Cause
from campaign.mail.message import new_message
from campaign.organiser.organisation import Organisation
from campaign.paths import STATIC, TEMPLATES
from campaign.reference import notation
from campaign.reference.language import wording
from campaign.reference.participating_state import STATES
from campaign.sealing.code import grouped
from campaign.settings import Settings

CONFIRM, LINKS = "confirm", "links"
PURPOSES = (CONFIRM, LINKS)
"""Asks to confirm what was submitted; sends a mailbox's link again.

All have one subject and one first line, so that a locked phone does not tell whether its owner signed.
"""

MARK = "mark@letter"
"""Content-ID of the mark in mails that name their cause: it comes with the mail, so nothing is loaded."""

MARK_PIXELS = 80
"""Twice the width that the mail gives it, for sharp screens."""

_BLANK_LINES = re.compile(r"\n{3,}")


def render(
    purpose: str,
    *,
    language: str,
    settings: Settings,
    recipient: str,
    params: Mapping[str, Any],
    cause: Cause,
    now: datetime,
    message_id: UUID | None = None,
) -> EmailMessage:
    """Render the mail for *purpose* to *recipient*.

    Args:
        purpose: One of :data:`PURPOSES`.
        language: Code of its language.
        settings: Give the sender and the base URL.
        recipient: An address without a name.
        params: ``token``; ``letters``, the codes of the states whose letters it opens; ``names_cause``, if
            it may; ``is_last`` if it is the last mail of the day to this mailbox; for ``confirm`` also
            ``until``, the last day to confirm.
        cause: What a mail that names it says.
        now: The Date header; aware UTC.
        message_id: The same for every attempt, so that a mailbox can drop a second copy.

    Raises:
        PermanentMailError: *recipient* is not an address.
    """
    context = _context(language, settings, params, cause)
    subject, text, html = (
        _environment().get_template(name).render(context)
        for name in ("subject.txt", f"{purpose}/body.txt", f"{purpose}/body.html")
    )
    message = new_message(settings, recipient, now=now, message_id=message_id)
    message["Subject"] = " ".join(subject.split())
    if context["contact"]:
        message["Reply-To"] = context["contact"]
    # An out-of-office reply would tell others that this mailbox got our mail.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(_wrapped(text))
    message.add_alternative(html, subtype="html")
    if context["names_cause"]:
        _attach_mark(message)
    # Set last: otherwise it would move into the first part.
    message["Content-Language"] = language
    return message


def _attach_mark(message: EmailMessage) -> None:
    page = message.get_body(("html",))
    assert isinstance(page, EmailMessage)
    page.add_related(_mark(), "image", "png", disposition="inline", cid=f"<{MARK}>")


@cache
def _mark() -> bytes:
    """Return the campaign's mark as PNG, since mail programs show no SVG."""
    return bytes(resvg_py.svg_to_bytes(svg_path=str(STATIC / "mark.svg"), width=MARK_PIXELS))


def _context(language: str, settings: Settings, params: Mapping[str, Any], cause: Cause) -> dict[str, Any]:
    """Return what the templates fill in; nothing of the cause unless the mail names it."""
    entry = f"{settings.base_url}/{language}/signature"
    names_cause = params.get("names_cause", False)
    codes = params.get("letters", ()) if names_cause else ()
    organisation = cause.organisation if names_cause else Organisation()
    return {
        "language": language,
        "entry": entry,
        "link": f"{entry}/{params['token']}",
        "code": grouped(params["token"]),
        "is_last": params.get("is_last", False),
        "until": _day(params.get("until"), language),
        "names_cause": names_cause,
        "campaign": cause.appeal.in_language(language).title if names_cause else "",
        "mark": MARK,
        "letters": [STATES[code] for code in codes],
        "states": ", ".join(STATES[code].name(language) for code in codes),
        "subjects": list(dict.fromkeys(cause.subject(code, language) for code in codes)),
        "sender": f"{organisation.name}, {organisation.seat}" if organisation.is_set else "",
        # An address beyond ASCII in a header needs a relay with SMTPUTF8.
        "contact": organisation.contact if organisation.contact.isascii() else "",
    }


def _day(iso: str | None, language: str) -> str:
    return notation.day(date.fromisoformat(iso), language) if iso else ""


def _wrapped(text: str) -> str:
    """Return *text* in lines that mail programs do not wrap; a URL stays whole, and its line as it is."""
    lines = [
        textwrap.fill(line, WIDTH, break_long_words=False, break_on_hyphens=False)
        for line in text.strip().splitlines()
    ]
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)) + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES / "email"),
        autoescape=select_autoescape(["html"], default=False),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    return environment


@pass_context
def _gettext(context: Context, text: str) -> str:
    return wording(context["language"]).gettext(text)


@pass_context
def _ngettext(context: Context, singular: str, plural: str, number: int) -> str:
    return wording(context["language"]).ngettext(singular, plural, number)
