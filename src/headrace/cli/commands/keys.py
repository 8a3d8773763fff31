"""Commands for keys and secrets: `key`, `login`, `logout` and `secret`."""

from __future__ import annotations

import sys

import click

from headrace.cli.commands.options import note_unknown_settings, read_settings, run_plainly, url_option


@click.command()
@url_option
def key(url: str | None) -> None:
    """Print the API key that commands use.

    The one of HEADRACE_API_KEY, else the one that `headrace login` has kept for the server, else that of the home.
    """
    from headrace.cli.terminal.accounts.login import show_key

    settings = read_settings()
    sys.exit(run_plainly(lambda: show_key(url, settings)))


@click.command()
@url_option
def login(url: str | None) -> None:
    """Keep an API key for a server.

    Asks for the key, or reads it from standard input, and keeps it for your user alone.
    """
    from headrace.cli.terminal.accounts.login import log_in
    from headrace.cli.terminal.discovery import find_api
    from headrace.cli.terminal.exits import run_command

    settings = read_settings()
    note_unknown_settings()
    sys.exit(run_command(log_in(find_api(url, settings))))


@click.command()
@url_option
def logout(url: str | None) -> None:
    """Forget the API key that was kept for a server."""
    from headrace.cli.terminal.accounts.login import log_out
    from headrace.cli.terminal.discovery import find_api

    settings = read_settings()
    sys.exit(run_plainly(lambda: log_out(find_api(url, settings))))


@click.command()
def secret() -> None:
    """Print a new secret, for HEADRACE_API_SECRETS."""
    from headrace.cli.terminal.output import show
    from headrace.identity.made_secrets import make_secret

    show(make_secret())
