"""A signature's life: sign, confirm, change who may see the name, withdraw, erase; and the counts."""
