"""What may happen to a task, a batch or a schedule, decided against the log: no HTTP, no SQL."""
