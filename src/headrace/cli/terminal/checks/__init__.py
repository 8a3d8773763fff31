"""`headrace check lag`, `log`, `ready` and `all`: one line and an exit code, for cron and for Nagios and its like.

verdict   how bad it is, and the line
lag       the kinds, and the readers of the projector
log       the log: its size, its copies, its servers
ready     an API, or another process, by its readiness
run       the command
"""
