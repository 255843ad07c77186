"""The campaign's content: accused state, persons, claims, instruments and letters."""
