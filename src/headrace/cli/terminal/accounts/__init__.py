"""Commands that work on accounts and on keys. Those for administrators speak to Postgres themselves: they work without an API."""
