"""The fold: how events of the log change the rows of tasks, batches and schedules."""
