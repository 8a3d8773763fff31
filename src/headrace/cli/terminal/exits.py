"""How a command ends: its exit code, which scripts can tell apart, and one readable message when it fails."""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
import traceback
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click

from headrace.cli.terminal.output import OutputLost, discard_output, note, open_outputs
from headrace.embedded.errors import EmbeddedError

EXIT_TASK_FAILED = 1
EXIT_REFUSED = 2  # as click has it for wrong usage
EXIT_UNREACHABLE = 3
EXIT_FAULT = 70  # EX_SOFTWARE of sysexits.h: a fault of Headrace itself
EXIT_OUTPUT_LOST = 74  # EX_IOERR of sysexits.h: what was asked for could not be written
EXIT_INTERRUPTED = 130  # as a shell reports a program that Ctrl-C ended
EXIT_READER_LEFT = 141  # as a shell reports a program whose pipe was closed (SIGPIPE)

_OF_OUTPUTS = (errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EPIPE)


class CommandFailed(Exception):
    """A command cannot go on. ``message`` says why and what to do."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


def run_cli(group: click.Group) -> int:
    """Run the command line to its end. Whatever happens, a person reads a sentence and never a traceback.

    Returns:
        The exit code.
    """
    open_outputs()
    try:
        try:
            code = _run(group) if _has_working_directory() else EXIT_REFUSED
            sys.stdout.flush()
        except OSError as error:
            raise OutputLost(error) from error
    except OutputLost as lost:
        discard_output()
        return _end_without_output(lost)
    return code


def run_command(command: Coroutine[Any, Any, int | None], *, interrupted: int = EXIT_INTERRUPTED) -> int:
    """Run a command to its end, and print the message of a `CommandFailed`.

    Args:
        command: Returns its exit code; None stands for 0.
        interrupted: The exit code after Ctrl-C.

    Returns:
        The exit code.

    Raises:
        OutputLost: Standard output cannot be written.
    """
    # `headrace --help` does without it.
    import asyncio

    _set_up_notes()
    try:
        return asyncio.run(command) or 0
    except CommandFailed as failed:
        note(failed.message)
        return failed.exit_code
    except KeyboardInterrupt:
        return interrupted


def _set_up_notes() -> None:
    """Print what the client says. What libraries log, with tracebacks, is nothing for a person who runs a command."""
    logging.getLogger("headrace.client").handlers[:] = [_Notes()]
    if not (root := logging.getLogger()).handlers:
        # Without any handler Python would write warnings and errors to standard error as they are.
        root.addHandler(logging.NullHandler())


class _Notes(logging.Handler):
    """Prints what the client says while it tries again."""

    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage())


def _has_working_directory() -> bool:
    """Tell whether there is a directory below which files are looked for; says so when somebody has removed it."""
    try:
        Path.cwd()
    except FileNotFoundError:
        note("the working directory is gone: change to one that exists")
        return False
    return True


def _run(group: click.Group) -> int:
    output = sys.stdout
    try:
        return group.main(prog_name="headrace", standalone_mode=False) or 0
    except SystemExit as end:
        # Click exchanges the outputs when the reader of its help has left.
        return _exit_code(end) if sys.stdout is output else EXIT_READER_LEFT
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        note(shown.getvalue().rstrip())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except EmbeddedError as error:
        note(str(error))
        return error.exit_code
    except OutputLost:
        raise
    except OSError as error:
        # Click writes its help by itself.
        if error.filename is None and error.errno in _OF_OUTPUTS:
            raise OutputLost(error) from error
        note(_describe_fault(error))
        return EXIT_FAULT
    except Exception as error:  # noqa: BLE001 - whatever a command did not expect ends here
        note(_describe_fault(error))
        return EXIT_FAULT


def _exit_code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    note(end.code)
    return 1


def _end_without_output(lost: OutputLost) -> int:
    if lost.reader_left:
        return EXIT_READER_LEFT
    note(str(lost))
    return EXIT_OUTPUT_LOST


def _describe_fault(error: Exception) -> str:
    """Say in two lines what Headrace did not expect, and where; all of it when debug logs are asked for."""
    if os.environ.get("HEADRACE_LOG_LEVEL") == "debug":
        return "".join(traceback.format_exception(error)).rstrip()
    *_, frame = traceback.extract_tb(error.__traceback__)
    return (
        f"this was not expected: {type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})\n"
        "please report it; with HEADRACE_LOG_LEVEL=debug the same command says more"
    )
