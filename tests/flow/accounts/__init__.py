"""Accounts: asked for, decided about, changed and deleted."""
