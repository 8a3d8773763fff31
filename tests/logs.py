"""The logging of the tests' own process, which commands and processes set up as if it were theirs."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import structlog

from headrace import telemetry

_CHATTY = ("httpx", "httpcore", "alembic", "nats")


def levels() -> dict[str, int]:
    """The levels that `headrace.telemetry.set_up_logs` changes."""
    return {name: logging.getLogger(name).level for name in ("root", *_CHATTY)}


@contextmanager
def logs_as_found() -> Generator[None]:
    """Let a block set up the logs of this process, and leave them as they were.

    The level of the root decides what later tests capture. A logger that keeps its processors when it is first used would keep
    those of the block, so none does within it.
    """
    before, configure = levels(), structlog.configure
    # Of commands, those of the client are notes for a person.
    handlers = {logger: logger.handlers[:] for logger in map(logging.getLogger, ("", "headrace.client"))}
    opened = {name: getattr(telemetry._Open, name) for name in ("stream", "lines", "writes_json")}

    def configure_without_cache(**given: Any) -> None:
        configure(**given | {"cache_logger_on_first_use": False})

    try:
        with patch.object(structlog, "configure", configure_without_cache):
            yield
    finally:
        for logger, found in handlers.items():
            logger.handlers[:] = found
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
        for name, value in opened.items():
            setattr(telemetry._Open, name, value)
        structlog.reset_defaults()
