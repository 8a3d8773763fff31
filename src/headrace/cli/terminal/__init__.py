"""What the commands that talk to a running Headrace show on a terminal, and where they find it."""
