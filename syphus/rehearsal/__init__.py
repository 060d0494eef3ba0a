"""The rehearsal: an OpenAI-compatible endpoint on this machine that answers well, or ill in every way that is known."""
