"""Protection against made-up signatures: rate limits, surges, proofs of work, suspicious domains."""
