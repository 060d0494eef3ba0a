"""The page on which people look at a dataset, and the file of what they decided."""
