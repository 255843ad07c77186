"""Operators' tasks: start, backup, copy, monitoring figures, demo, doctor, emergency."""
