"""`headrace check cluster`: whether everything that an installation consists of is as it should be, asked from inside of it.

seen       what was seen of one thing
servers    the servers of NATS: versions, how they flush, their memory
streams    the log and the streams beside it: their copies
users      the users of NATS: what each process may do
database   Postgres: its version, its migrations, what our role may do
files      object storage
processes  the processes that run, and their versions
run        the command
"""
