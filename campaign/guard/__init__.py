"""What keeps the count hard to fake: limits by network, proofs of work, and domains that look wrong."""
