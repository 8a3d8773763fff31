"""Requests that are refused: each with a status, a code, a sentence that says what to do, and the paths that are wrong."""
