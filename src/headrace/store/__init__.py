"""The read model in Postgres, and beside it the tables of identity.

`tables` describes every table of the read model once. The API reads through the queries of each aggregate (`tasks`, `filtered_tasks`,
`batches`, `schedules`, `checkpoints`); only the leading projector writes, through `projection`, in its `leadership` session.

`file_table` describes files, which the API and the projector write, and `files` has its queries.

`identity_tables` describes accounts, sessions, keys, the audit and settings. They are no function of the log. The API reads and writes
them (`users`, `sessions`, `api_keys`, `one_time_tokens`, `audit`, `run_time_settings`), each change in one transaction.
"""
