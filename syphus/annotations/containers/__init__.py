"""Readers of what holds pictures and texts of any kind: folders, tables, archives."""
