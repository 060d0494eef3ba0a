"""Readers of what is annotated in single pictures."""
