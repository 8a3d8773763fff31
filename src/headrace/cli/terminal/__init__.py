"""What a command does when it runs, and shows on the terminal: `headrace submit` is in `submit`, `headrace lag` in `lag`."""
