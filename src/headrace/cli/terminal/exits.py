"""How a command ends: its exit code, which scripts can tell apart, and one readable message when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import click

EXIT_TASK_FAILED = 1
EXIT_REFUSED = 2  # as click has it for wrong usage
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130  # as a shell reports a program that Ctrl-C ended


class CommandFailed(Exception):
    """A command cannot go on. ``message`` says why and what to do."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


def run_command(command: Coroutine[Any, Any, int | None], *, interrupted: int = EXIT_INTERRUPTED) -> int:
    """Run a command to its end, and print the message of a `CommandFailed`.

    Args:
        command: Returns its exit code; None stands for 0.
        interrupted: The exit code after Ctrl-C.

    Returns:
        The exit code.
    """
    try:
        return asyncio.run(command) or 0
    except CommandFailed as failed:
        click.echo(failed.message, err=True)
        return failed.exit_code
    except KeyboardInterrupt:
        return interrupted
