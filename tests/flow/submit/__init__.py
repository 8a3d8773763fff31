"""Submitting: the same key makes the same task, and the largest input is large enough."""
