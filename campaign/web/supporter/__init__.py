"""Pages for supporters: the letters, signing, the private page, progress."""
