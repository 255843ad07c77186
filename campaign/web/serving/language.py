"""Language and state in URLs, and the language of a page."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from babel.support import NullTranslations
from flask import Flask, Response, redirect, request, url_for
from flask_babel import Babel, Domain, get_locale
from werkzeug.routing import BaseConverter, ValidationError

from campaign.reference import notation
from campaign.reference.language import ENGLISH, LANGUAGES, Language, parsed_locale, wording
from campaign.reference.participating_state import STATES, ParticipatingState
from campaign.web.serving.cookie import PATH, cookie_name
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


ORGANISERS_COOKIE = "organiser-language"
"""The organiser's choice; supporters' pages have their language in the address and no cookie."""

READ_FROM_QUERY: Mapping[str, tuple[str, ...]] = {
    "supporter.progress": ("after", "embed", "order", "page"),
    "signature.show": ("done", "letter"),
}
"""What views read from a query, and no more: ``url_for`` takes names such as ``_scheme`` for orders. Other
views read nothing, since a cached page must not show the query of its first reader."""


def current_language() -> Language:
    """Return the language of this page: of its URL, else the organiser's choice, else the browser's."""
    if not request:
        return ENGLISH
    language = (request.view_args or {}).get("language")
    if isinstance(language, Language):
        return language
    if request.path.startswith(PATH):
        code = request.cookies.get(cookie_name(ORGANISERS_COOKIE), "")
    else:
        code = request.path.split("/")[1]  # of a page that does not exist
    chosen = LANGUAGES.get(code)
    if chosen is not None and chosen in site().appeal.languages:
        return chosen
    return preferred_language()


def in_language(language: Language) -> str:
    """Return the URL of this page in *language*."""
    arguments = request.view_args or {}
    if not isinstance(arguments.get("language"), Language) or request.endpoint is None:
        return url_for("supporter.home", language=language)
    names = READ_FROM_QUERY.get(request.endpoint, ())
    query = {name: request.args[name] for name in names if name in request.args}
    return url_for(request.endpoint, **(query | arguments | {"language": language}))


def alternates() -> list[tuple[str, str]]:
    """Return the codes and addresses of this public page in all languages, for search engines."""
    languages = site().appeal.languages
    if request.blueprint != "supporter" or request.method != "GET" or len(languages) < 2:
        return []
    found = [(each.code, in_language(each)) for each in languages]
    is_home = request.endpoint == "supporter.home"
    return [*found, ("x-default", url_for("supporter.root") if is_home else found[0][1])]


def preferred_language() -> Language:
    """Return the language of the campaign that the browser prefers, or English.

    A browser in Belarusian or Kyrgyz gets Russian only if it lists Russian.
    """
    offered = {language.code: language for language in site().appeal.languages}
    # Not best_match: before "kk-KZ" it takes any language that is listed without a region.
    listed = (tag.partition("-")[0].lower() for tag, quality in request.accept_languages if quality > 0)
    return next((offered[code] for code in listed if code in offered), ENGLISH)


def language_code() -> str:
    """Return the language in which the text is written: the page's, or that of a letter on it."""
    return str((get_locale() or parsed_locale(ENGLISH.code)).language)


def _decimal(number: int) -> str:
    return notation.number(number, language_code())


def _day(on: date, style: str = "long") -> str:
    write = {"long": notation.day, "medium": notation.short_day}[style]
    return write(on, language_code())


def _month(of: date) -> str:
    return notation.month(of, language_code())


def _moment(at: datetime, style: str = "long") -> str:
    write = {"long": notation.moment, "medium": notation.short_moment}[style]
    return write(at, language_code())


def _listed(items: Iterable[str]) -> str:
    return notation.listed(items, language_code())


def punctuation(sign: str) -> str:
    """Return a colon or semicolon as it follows a word in the language of the page."""
    return notation.mark(sign, language_code())


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
        return wording(language_code())


def init_app(app: Flask) -> None:
    """Register the URL converters and the translations."""
    app.url_map.converters["language"] = LanguageConverter
    app.url_map.converters["state"] = StateConverter
    babel = Babel(app, locale_selector=lambda: parsed_locale(current_language().code))
    babel.domain_instance = _Messages()
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals["punctuation"] = punctuation

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

    @app.after_request
    def name_language(response: Response) -> Response:
        has_own = "language" in (request.view_args or {})
        if has_own or response.mimetype == "text/html":
            response.headers.setdefault("Content-Language", current_language().code)
        if response.mimetype == "text/html" and not has_own:
            response.vary.add("Accept-Language")
        return response
