"""Lists of signatories: their entries, and the files (CSV, PDF) that print them."""
