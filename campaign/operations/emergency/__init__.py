"""Everything personal erased at once: first every key goes, then what is left, by now noise, is scrubbed."""
