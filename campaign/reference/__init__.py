"""What the world fixes: languages, the 57 participating states, residences."""
