"""The live side of the API: from the log to server-sent events."""
