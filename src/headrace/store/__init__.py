"""The read model in Postgres: tables in `models`, and the queries of each aggregate beside each other."""
