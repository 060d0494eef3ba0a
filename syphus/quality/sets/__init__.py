"""Whole datasets, ours or anybody's: each dialogue examined and mended, and what only the whole set shows."""
