"""Checks of what was made."""
