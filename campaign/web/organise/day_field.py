"""A form field for a day of this campaign that is not in the future."""

from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import DateField
from wtforms.validators import DataRequired, StopValidation

from campaign.delivery.delegation import EARLIEST_CHECK
from campaign.web import site


def day_field(label: str) -> DateField:
    """Return a field for a day up to today (UTC), which is also its default."""
    return DateField(label, default=_today, validators=[DataRequired(_("Enter a day.")), _refuse_slips])


def _today() -> date:
    return site.now().date()


def _refuse_slips(form: Any, field: DateField) -> None:
    del form
    if field.data < EARLIEST_CHECK:
        raise StopValidation(_("This day lies long ago. Write the year with four digits."))
    if field.data > _today():
        raise StopValidation(_("This day lies in the future."))
