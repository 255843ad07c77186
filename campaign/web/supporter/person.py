"""One of the five persons."""

from flask import render_template
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from campaign.reference.language import Language
from campaign.web.site import is_open, site
from campaign.web.supporter.blueprint import bp


@bp.get("/<language:language>/persons/<person_id>")
def person(language: Language, person_id: str) -> ResponseReturnValue:
    """Show the person's office at the time of the call, and what changed since."""
    persons = site().appeal.in_language(language.code).persons
    for index, each in enumerate(persons):
        if each.id == person_id:
            return render_template(
                "supporter/person.html",
                person=each,
                position=index + 1,
                is_open=is_open(),
                previous=persons[index - 1] if index else None,
                following=persons[index + 1] if index + 1 < len(persons) else None,
            )
    raise NotFound
