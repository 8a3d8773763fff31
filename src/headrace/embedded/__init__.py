"""NATS, Postgres and every Headrace process on one machine: what `headrace up` is made of."""
