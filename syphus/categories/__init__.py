"""Seed categories: folders of text, and what becomes of them: context, prompt, reply."""
