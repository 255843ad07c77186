"""Finding what is misconfigured, or could hurt soon, before it does."""
