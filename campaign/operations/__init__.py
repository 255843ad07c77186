"""What operators do: start, backup, copy, monitoring figures, demo, doctor, emergency."""
