"""The content of the campaign: accused state, persons, claims, instruments and letters."""
