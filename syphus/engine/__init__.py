"""Working through a run: which items, how many at a time, what is tried again, and the Batch API."""
