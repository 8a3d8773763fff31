"""Process 3: keeps the read model. Read `project` first; `fold` is what an event means for a task's row."""
