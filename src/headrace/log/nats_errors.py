"""Errors of nats-py in the words of this project: callers of the log know `LogUnavailable` and nothing of nats-py."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from nats.errors import Error as NatsError

from headrace.errors import LogUnavailable


@contextmanager
def nats_errors_as_unavailable() -> Generator[None]:
    """Raise `LogUnavailable` where nats-py raises because the connection is lost, is closing, or does not answer."""
    try:
        yield
    except NatsError as error:
        what = str(error) or type(error).__name__
        raise LogUnavailable(f"the log cannot be reached ({what}); try again in a moment") from error
