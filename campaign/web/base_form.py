"""The base classes of all forms; they declare the types that Flask-WTF leaves out."""

from typing import Any

from flask_wtf import FlaskForm

NO_CORRECTION = {"spellcheck": "false", "autocapitalize": "none"}
"""Attributes of fields for addresses, names of accounts and codes."""


class Form(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no type annotations
    """A form with Flask-WTF's token against cross-site requests."""

    def validate(self, extra_validators: Any = None) -> bool:
        """Return whether every field is valid; the fields then have their errors."""
        return bool(super().validate(extra_validators))


class TokenlessForm(Form):
    """A form without a token, for pages without a cookie and for searches that change nothing."""

    class Meta:
        """Switch off the token."""

        csrf = False
