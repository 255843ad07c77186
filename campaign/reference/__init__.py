"""Reference data: languages, the 57 participating states, residences."""
