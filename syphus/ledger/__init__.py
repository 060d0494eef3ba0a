"""The run's memory."""
