"""Tests that are copied into the project of the pages; pytest collects them there and not here."""
