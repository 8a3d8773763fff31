"""Schedules: the broker keeps the time, and every firing submits one task, also when something was away."""
