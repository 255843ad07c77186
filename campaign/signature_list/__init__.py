"""The files of a list of signatories: read from the database, written as CSV and as PDF."""
