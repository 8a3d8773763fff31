"""Version 1 of the HTTP API: a file for each resource."""
