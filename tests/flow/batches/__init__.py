"""Batches: many inputs accepted at once, counted while they run, settled once, completed when they were cut off."""
