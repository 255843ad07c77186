"""Language and state in URLs, and the language of a page."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from babel.support import NullTranslations
from flask import Flask, Response, redirect, request, url_for
from flask_babel import Babel, Domain, get_locale
from werkzeug.routing import BaseConverter, ValidationError

from campaign.reference import notation
from campaign.reference.language import ENGLISH, LANGUAGES, Language, parsed_locale, wording
from campaign.reference.participating_state import STATES, ParticipatingState
from campaign.web.site import site


class LanguageConverter(BaseConverter):
    """``<language:language>``: one of the eight codes; anything else is not found."""

    regex = "[a-z]{2}"

    def to_python(self, value: str) -> Language:
        """Return the language, also one in which the campaign is not."""
        try:
            return LANGUAGES[value]
        except KeyError:
            raise ValidationError from None

    def to_url(self, value: Language) -> str:
        """Return the code."""
        return value.code


class StateConverter(BaseConverter):
    """``<state:state>``: the lower-case code of a participating state; anything else is not found."""

    regex = "[a-z]{2}"

    def to_python(self, value: str) -> ParticipatingState:
        """Return the participating state."""
        try:
            return STATES[value]
        except KeyError:
            raise ValidationError from None

    def to_url(self, value: ParticipatingState) -> str:
        """Return the code."""
        return value.code


def current_language() -> Language:
    """Return the language of this page; English unless its URL names one."""
    language = (request.view_args or {}).get("language") if request else None
    return language if isinstance(language, Language) else ENGLISH


def in_language(language: Language) -> str:
    """Return the URL of this page in *language*."""
    if not isinstance((request.view_args or {}).get("language"), Language) or request.endpoint is None:
        return url_for("supporter.home", language=language)
    return url_for(request.endpoint, **((request.view_args or {}) | {"language": language}))


def preferred_language() -> Language:
    """Return the language of the campaign that the browser prefers, or English."""
    codes = [language.code for language in site().appeal.languages]
    return LANGUAGES[request.accept_languages.best_match(codes) or ENGLISH.code]


def _decimal(number: int) -> str:
    return notation.number(number, current_language().code)


def _day(on: date, style: str = "long") -> str:
    write = {"long": notation.day, "medium": notation.short_day}[style]
    return write(on, current_language().code)


def _month(of: date) -> str:
    return notation.month(of, current_language().code)


def _moment(at: datetime, style: str = "long") -> str:
    write = {"long": notation.moment, "medium": notation.short_moment}[style]
    return write(at, current_language().code)


def _listed(items: Iterable[str]) -> str:
    return notation.listed(items, current_language().code)


FILTERS: dict[str, Callable[..., Any]] = {
    "dateformat": _day,
    "decimalformat": _decimal,
    "listed": _listed,
    "month": _month,
    "moment": _moment,
}
"""Filters of templates that write in the language of the page."""


class _Messages(Domain):  # type: ignore[misc]  # Flask-Babel has no type annotations
    """The catalogues that mails and documents use too, loaded once in a process."""

    def get_translations(self) -> NullTranslations:
        """Return the catalogue of this page's language."""
        return wording((get_locale() or parsed_locale(ENGLISH.code)).language)


def init_app(app: Flask) -> None:
    """Register the URL converters and the translations."""
    app.url_map.converters["language"] = LanguageConverter
    app.url_map.converters["state"] = StateConverter
    babel = Babel(app, locale_selector=lambda: parsed_locale(current_language().code))
    babel.domain_instance = _Messages()
    app.jinja_env.filters.update(FILTERS)

    @app.before_request
    def send_to_english_from_other_languages() -> Response | None:
        language = (request.view_args or {}).get("language")
        if not isinstance(language, Language) or language in site().appeal.languages:
            return None
        path = request.full_path if request.query_string else request.path
        code = 302 if request.method in {"GET", "HEAD"} else 307
        response = redirect(path.replace(f"/{language.code}/", f"/{ENGLISH.code}/", 1), code)
        assert isinstance(response, Response)
        return response
