"""Deliveries: a letter with its list, sent once to one delegation, and its outcome."""
