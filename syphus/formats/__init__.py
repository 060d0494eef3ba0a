"""Dataset formats, reading and writing side by side."""
