"""Upgrades and rollbacks as an operator makes them, with the processes of two versions side by side, under load.

The version before is taken from the history of the checkout. It migrates the database, provisions the streams and runs all
processes. Then the steps of `docs/upgrading.md` follow: the accounts, `headrace provision`, `headrace migrate` with the version of
the checkout, and one process after the other. A rollback replaces them by those of the version before again; the database stays
migrated. Load, followers and checker are those of `tests.faults`. In another run the checkout is the version before, and a made-up one
follows it, which expands the database and the log.

`just upgrade` runs it, `just upgrade --from COMMIT` from an older version; `tests.upgrade.test_rolling` is a short one.
"""
