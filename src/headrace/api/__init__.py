"""Process 1: HTTP in front, the log behind. Read `app` first, then `tasks` (submit and read) and `events` (follow)."""
