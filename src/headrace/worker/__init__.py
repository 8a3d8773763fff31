"""Process 2: it runs queued tasks. Read `run` first, then `lanes` (what is pulled when) and `main` (the process)."""
