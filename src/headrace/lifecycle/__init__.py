"""What may happen to a task, a batch or a schedule, decided against the log alone: no HTTP and no SQL."""
