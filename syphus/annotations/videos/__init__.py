"""Readers of what happens, and is said, in videos."""
