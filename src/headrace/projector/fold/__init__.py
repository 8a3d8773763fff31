"""The fold: what the events of a page change in the rows of tasks, batches and schedules. It is pure: no log, no SQL."""
