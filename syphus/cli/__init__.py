"""The commands; the only place that talks to people."""
