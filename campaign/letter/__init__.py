"""The letter: its layout as text, composing it for a state and a language, and its editions."""
