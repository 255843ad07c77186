"""The translations: what is complete, what a native reader has checked, and what has changed since."""

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign.appeal.content import Ask
from campaign.organiser import native_check
from campaign.organiser.native_check import Status
from campaign.organiser.translation_part import PAGE, parts, shown_texts
from campaign.reference.language import ENGLISH, LANGUAGES, Language, language_name
from campaign.reference.participating_state import states_in_order
from campaign.web.organise.blueprint import bp
from campaign.web.organise.native_check_form import NativeCheckForm, PartsForm
from campaign.web.organise.session import unlocked
from campaign.web.organise.translation_words import ASKS, part_name
from campaign.web.serving.language import current_language
from campaign.web.site import commit, now, session, site


@bp.get("/languages")
def translations() -> ResponseReturnValue:
    """Show how far each translation is."""
    found = {each: _statuses(each) for each in LANGUAGES.values() if each != ENGLISH}
    return render_template("organise/translations.html", translations=found, language_name=_name)


@bp.get("/languages/<language:translation>")
def translation(translation: Language) -> ResponseReturnValue:
    """Show letters and pages of a translation, with the form that records a check."""
    return _render(translation, NativeCheckForm(formdata=None))


@bp.get("/languages/<language:translation>/<page>")
def translated_page(translation: Language, page: str) -> ResponseReturnValue:
    """Show the texts of a group of pages beside the English."""
    found = next((each for each in _statuses(translation) if each.part.key == f"{PAGE}{page}"), None)
    return render_template(
        "organise/translated_page.html",
        translation=translation,
        status=found or abort(404),
        part_name=part_name,
        language_name=_name,
    )


@bp.post("/languages/<language:translation>")
def check_translation(translation: Language) -> ResponseReturnValue:
    """Record a native reader's check of letters and pages."""
    form = NativeCheckForm()
    offered = parts(site().appeal, _translated(translation).code)
    chosen = form.chosen(site().appeal, offered)
    if form.shown.data not in {"", None, shown_texts(offered)}:
        flash(
            gettext(
                "Nothing was done: something has changed since this page was opened. This is how it is now. "
                "Please look again before you choose."
            ),
            "fault",
        )
        return redirect(url_for(".translation", translation=translation), 303)
    if not form.validate() or not chosen:
        return _render(translation, form, is_nothing_chosen=not chosen), 422
    native_check.record(
        session(),
        translation.code,
        chosen,
        reader=form.reader.data,
        checked_on=form.checked_on.data,
        by=unlocked().name,
        now=now(),
    )
    return _saved(translation)


@bp.post("/languages/<language:translation>/unchecked")
def uncheck_translation(translation: Language) -> ResponseReturnValue:
    """Take checks back, so that the letters say again that no native reader has checked them."""
    form = PartsForm()
    chosen = form.chosen(site().appeal, parts(site().appeal, _translated(translation).code))
    if not form.validate() or not chosen:
        return _render(translation, NativeCheckForm(formdata=None), is_nothing_chosen=not chosen), 422
    native_check.take_back(session(), translation.code, chosen, by=unlocked().name, now=now())
    return _saved(translation)


def _saved(translation: Language) -> ResponseReturnValue:
    commit()
    flash(gettext("Saved."))
    return redirect(url_for(".translation", translation=translation), 303)


def _render(translation: Language, form: NativeCheckForm, *, is_nothing_chosen: bool = False) -> str:
    statuses = _statuses(translation)
    return render_template(
        "organise/translation.html",
        translation=translation,
        form=form,
        shown=shown_texts(each.part for each in statuses),
        is_nothing_chosen=is_nothing_chosen,
        letters=_by_ask([each for each in statuses if each.part.is_letter]),
        asked=ASKS,
        pages=[each for each in statuses if not each.part.is_letter],
        part_name=part_name,
        language_name=_name,
    )


def _by_ask(letters: list[Status]) -> dict[Ask | None, list[Status]]:
    """Return letters by what they ask for; those that ask for what few others do come last."""
    instruments = site().appeal.instruments
    by_code = {each.part.name: each for each in letters}
    found: dict[Ask | None, list[Status]] = {ask: [] for ask in (*ASKS, None)}
    for state in states_in_order(current_language()) if letters else ():
        ask = instruments[state.code].ask
        found[ask if ask in ASKS else None].append(by_code[state.code])
    return {ask: statuses for ask, statuses in found.items() if statuses}


def _statuses(translation: Language) -> list[Status]:
    return native_check.statuses(session(), site().appeal, _translated(translation).code)


def _translated(language: Language) -> Language:
    """Return *language* unless it is English, which is no translation: then answer 404."""
    return language if language != ENGLISH else abort(404)


def _name(translation: Language) -> str:
    return language_name(translation.code, current_language().code)
