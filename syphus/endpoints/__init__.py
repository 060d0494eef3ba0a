"""The ways to a model."""
