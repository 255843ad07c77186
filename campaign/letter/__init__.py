"""The letter: its template, its text for a state and a language, and its editions."""
