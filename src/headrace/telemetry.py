"""Structured logs: JSON for machines, readable on a terminal, the same in every process.

Every line carries ``process`` and what is bound in the running context: inside a request or an execution ``correlation_id``,
``request_id`` and ``task_id``. Bodies, headers and cookies are never logged.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Literal, TextIO

import msgspec
import structlog

from headrace import forks
from headrace.printable import has_colours, printable, printable_json, printable_lines

__all__ = ["get_logger", "json_lines", "log_stream", "set_up_logs"]

get_logger = structlog.stdlib.get_logger

_FIRST = ("timestamp", "level", "process", "event")  # what a reader looks for at the start of a line

_OF_SEVERAL_LINES = ("exception", "stack")

_LEVELS = logging.getLevelNamesMapping()

_encode = msgspec.json.Encoder().encode


def set_up_logs(
    process: str,
    level: str = "info",
    format: Literal["auto", "json", "pretty"] = "auto",
) -> None:
    """Send structlog and the standard library's logging to standard error in one shape.

    Args:
        process: The name that every line carries: api, worker, projector, up.
        level: The least severe level that is written.
        format: ``auto`` is pretty when standard error is a terminal.
    """
    pretty = format == "pretty" or (format == "auto" and sys.stderr.isatty())
    fields = _fields(process, pretty=pretty)
    structlog.configure(
        processors=[
            *fields,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level.upper()]),
        cache_logger_on_first_use=True,
    )
    _Open.stream = _own_stream()
    handler = _Open.lines = _Lines(_Open.stream)
    _Open.writes_json = not pretty and _LEVELS[level.upper()] <= logging.INFO
    os.register_at_fork(after_in_child=handler.use_standard_error)
    forks.keep_from_children(handler)
    rendering = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(pretty=pretty)]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=fields, processors=rendering))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level.upper()])
    for chatty in ("httpx", "httpcore", "alembic", "nats"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class _Lines(logging.StreamHandler[TextIO]):
    """Writes lines. One that cannot be written is dropped: what is said about the work must not stop the work."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._own = [] if stream is sys.stderr else [stream.fileno()]

    def descriptors(self) -> Iterable[int]:
        """See `headrace.forks.OwnsDescriptors`."""
        return self._own

    def write_json(self, line: msgspec.Struct) -> None:
        """Write a Struct as a line. No value of it may have what does something on a terminal."""
        with suppress(OSError, ValueError):
            self.stream.write(f"{_encode(line).decode()}\n")
            self.flush()

    def use_standard_error(self) -> None:
        """Write to standard error from now on. A forked child that closes it must not hold our pipe open all the same."""
        # `setStream` would flush the old one, whose lock another thread may have held in the moment of the fork.
        self.stream = sys.stderr

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that `logging` calls
        """Say on standard error, if it is open, why a line could not be written."""
        with suppress(ValueError):
            super().handleError(record)


class _Open:
    """Where the log of this process goes; None until it is set up."""

    stream: TextIO | None = None
    lines: _Lines | None = None
    writes_json = False


def log_stream() -> TextIO:
    """Return where the log goes, for the stacks of threads: a handler may have closed standard error."""
    return _Open.stream or sys.stderr


def json_lines() -> Callable[[msgspec.Struct], None] | None:
    """Return what writes a Struct as a line of severity info, at a tenth of the cost of `get_logger`.

    It is None when the lines are for people, or when none of that severity are written.
    """
    return _Open.lines.write_json if _Open.lines is not None and _Open.writes_json else None


def _own_stream() -> TextIO:
    """Open standard error once more. A handler may close the one that it knows, or put something else in its place."""
    try:
        return os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding, errors="backslashreplace")
    except OSError:
        # It is no file, as in a test.
        return sys.stderr


def _fields(process: str, *, pretty: bool) -> list[structlog.typing.Processor]:
    """The processors that add to a line what every line carries."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if pretty else "iso", utc=not pretty),
        _add_process(process),
    ]


def _renderers(*, pretty: bool) -> list[structlog.typing.Processor]:
    """The processors that turn a line into text."""
    if pretty:
        # The exception is made text first, so that it is escaped as every other text of the line.
        return [
            _drop_process,
            structlog.processors.format_exc_info,
            _escape,
            structlog.dev.ConsoleRenderer(
                colors=has_colours(sys.stderr), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_to_json)]


def _add_process(process: str) -> structlog.typing.Processor:
    def add_process(
        _logger: structlog.typing.WrappedLogger, _method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        event.setdefault("process", process)
        return event

    return add_process


def _drop_process(
    _logger: structlog.typing.WrappedLogger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    # On a terminal `headrace up` already prefixes each line with the process.
    event.pop("process", None)
    event.pop("logger", None)
    return event


def _escape(
    _logger: structlog.typing.WrappedLogger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Take from every value what would do something on a terminal: a part of it may come from a request or a handler."""
    for name, value in event.items():
        if name in _OF_SEVERAL_LINES:
            event[name] = printable_lines(str(value))
        elif value is not None and not isinstance(value, bool | int | float):
            event[name] = printable(value if isinstance(value, str) else repr(value))
    return event


def _to_json(event: structlog.typing.EventDict, **_: object) -> str:
    ordered = {name: event.pop(name) for name in _FIRST if name in event}
    return printable_json(msgspec.json.encode({**ordered, **event}, enc_hook=repr).decode())
