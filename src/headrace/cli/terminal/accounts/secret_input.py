"""Ask for a secret: hidden on a terminal, a line of standard input elsewhere. It is never an argument, which others can list."""

from __future__ import annotations

import sys

import click

from headrace.cli.terminal.exits import EXIT_REFUSED, CommandFailed

LINE_CHARS_MAX = 4096  # more than any secret has


def ask_secret(what: str, *, twice: bool = False) -> str:
    """Ask for a secret, and return it without the spaces around it.

    Args:
        what: What is asked for, as the prompt has it.
        twice: Have it typed a second time on a terminal, to find slips.

    Raises:
        CommandFailed: Nothing was given.
    """
    if sys.stdin is not None and sys.stdin.isatty():
        given = click.prompt(what, hide_input=True, confirmation_prompt=twice, err=True, default="", show_default=False)
    else:
        given = read_line()
    return _not_empty(given, what)


def ask_text(what: str) -> str:
    """Ask for a text that may be seen.

    Raises:
        CommandFailed: Nothing was given.
    """
    if sys.stdin is not None and sys.stdin.isatty():
        given = click.prompt(what, err=True, default="", show_default=False)
    else:
        given = read_line()
    return _not_empty(given, what)


def read_line() -> str:
    """Read a line of standard input; an empty text when there is none."""
    return "" if sys.stdin is None else sys.stdin.readline(LINE_CHARS_MAX)


def _not_empty(given: str, what: str) -> str:
    if not (text := given.strip()):
        raise CommandFailed(f"no {what} was given: type it on a terminal, or send it to standard input", EXIT_REFUSED)
    return text
