"""Find what is misconfigured or will soon need attention."""
