"""`headrace doctor`: collect what is known of a Headrace and its servers, and say what to do about what is wrong.

    report    what is collected
    nats      of NATS: the streams, the kinds, the log, its servers
    postgres  of Postgres: its version, its migrations, its clock
    show      the command

What cannot be asked is a finding like any other, and the rest is collected all the same. No secret is in any of it.
"""
