"""Emergency erasure: first destroy every key, then scrub the rows, which no key opens any more."""
