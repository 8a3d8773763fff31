"""Run NATS, Postgres and every Headrace process on one machine, as `headrace up` does."""
