"""What the bench says when it cannot go on."""

from __future__ import annotations


class BenchError(Exception):
    """Something could not be measured, or was not as it has to be. The message says what."""
