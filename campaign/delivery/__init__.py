"""Deliveries: a letter with its list, sent once to one delegation, and what became of it."""
