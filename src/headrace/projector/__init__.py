"""The projector process: keeps the read model. Read `project` first; `fold` says what an event changes in a row."""
