"""Hints: what streams say besides the events of tasks, gathered once for all streams of this process, and only while one wants it."""
