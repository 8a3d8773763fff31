"""The read model in Postgres.

`tables` describes every table once. The API reads through the queries of each aggregate (`tasks`, `selections`, `batches`,
`schedules`, `checkpoints`); only the leading projector writes, through `projection`, in its `leadership` session.
"""
