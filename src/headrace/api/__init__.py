"""Process 1: HTTP in front, the log behind. Read `app` first, then `v1/submit` and `streaming/task_stream`."""
