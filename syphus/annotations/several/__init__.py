"""Readers of scenes of several assets, and of rooms; single pictures made into pairs."""
