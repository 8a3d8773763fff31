"""How a command ends early: one readable message, and an exit code that scripts can tell apart."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import click

EXIT_TASK_FAILED = 1
EXIT_REFUSED = 2  # as click has it for wrong usage
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130  # as a shell reports a program that Ctrl-C ended


class Stopped(Exception):
    """A command cannot go on. ``message`` says why and what to do."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


def run(command: Coroutine[Any, Any, int | None], *, interrupted: int = EXIT_INTERRUPTED) -> int:
    """Run a command to its end, to `Stopped`, or to Ctrl-C, which gives ``interrupted``.

    Returns:
        The exit code.
    """
    try:
        return asyncio.run(command) or 0
    except Stopped as stopped:
        click.echo(stopped.message, err=True)
        return stopped.exit_code
    except KeyboardInterrupt:
        return interrupted
