"""Whether a translation is one: what must come back as it went, language, script, length, structure, meaning."""
