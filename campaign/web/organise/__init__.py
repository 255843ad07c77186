"""The organisers' pages; all but the login require a session."""
