"""NATS being away, in the words of this project: callers know `LogUnavailable`, and nothing of nats-py's errors."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from nats.errors import Error as NatsError

from headrace.errors import LogUnavailable


@contextmanager
def away_is_unavailable() -> Generator[None]:
    """Raise LogUnavailable for whatever nats-py raises when the connection is lost, closing, or does not answer."""
    try:
        yield
    except NatsError as error:
        what = str(error) or type(error).__name__
        raise LogUnavailable(f"the log cannot be reached ({what}); try again in a moment") from error
