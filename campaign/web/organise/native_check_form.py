"""The form of a native reader's check, as an owner records it."""

from collections.abc import Iterable

from flask_babel import lazy_gettext as _
from wtforms import HiddenField, SelectMultipleField, StringField
from wtforms.validators import DataRequired

from campaign.appeal.content import Appeal
from campaign.organiser.translation_part import Part
from campaign.web.base_form import NO_CORRECTION, Form
from campaign.web.field import AtMost, Readable, one_line
from campaign.web.organise.day_field import day_field


class PartsForm(Form):
    """The parts of a translation that were ticked."""

    parts = SelectMultipleField(default=(), validate_choice=False)
    asks = SelectMultipleField(default=(), validate_choice=False)
    """Each stands for all letters that ask for the same."""
    shown = HiddenField()
    """What texts the page offered, by :func:`~campaign.organiser.translation_part.shown_texts`."""

    def chosen(self, appeal: Appeal, parts: Iterable[Part]) -> list[Part]:
        """Return those of *parts* that were ticked."""
        return [part for part in parts if part.key in self.parts.data or self._is_asked(appeal, part)]

    def _is_asked(self, appeal: Appeal, part: Part) -> bool:
        return part.is_letter and appeal.instruments[part.name].ask in self.asks.data


class NativeCheckForm(PartsForm):
    """The parts that a native reader has checked, with name and day."""

    reader = StringField(
        _("Name of the native reader"),
        description=_("Only organisers see it. Initials are enough if the name could harm the reader."),
        filters=[one_line],
        validators=[DataRequired(_("Enter the name of the native reader.")), Readable(), AtMost(80)],
        render_kw={"autocomplete": "off", **NO_CORRECTION},
    )
    checked_on = day_field(_("Read on"))
