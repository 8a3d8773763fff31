"""Commands for administrators: `enter`, and below `admin` those that speak to Postgres themselves."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from headrace.cli.commands.options import note_unknown_settings, read_settings, run_plainly

_home_option = click.option(
    "--home", metavar="DIR", help="The home of a `headrace up`.  [default: HEADRACE_DATABASE_URL, or the running one]"
)


@click.command()
@click.option("--home", metavar="DIR", help="The home of a `headrace up`.  [default: the usual one]")
def enter(home: str | None) -> None:
    """Print a link that signs the administrator of `up` in.

    It works once, in a browser on this machine, within 15 minutes.
    """
    from headrace.cli.terminal.accounts.admin import show_enter_link
    from headrace.cli.terminal.exits import run_command

    settings = read_settings()
    note_unknown_settings()
    sys.exit(run_command(show_enter_link(settings, home)))


@click.group()
def admin() -> None:
    """Make administrators, and let them in again.

    These commands speak to Postgres themselves: who has its address is an administrator.
    """


@admin.command()
@click.option("--if-none", is_flag=True, help="Do nothing when there is an administrator already.")
@click.option("--credentials", type=click.Path(path_type=Path), help="Make an API key too, and write everything there.")
@_home_option
def create(if_none: bool, credentials: Path | None, home: str | None) -> None:
    """Make an administrator.

    HEADRACE_ADMIN_EMAIL and HEADRACE_ADMIN_PASSWORD say who; what they do not say is asked for, or read from standard input,
    a line each.
    """
    from headrace.cli.terminal.accounts.admin import create_admin
    from headrace.cli.terminal.exits import run_command

    settings = read_settings()
    note_unknown_settings()
    sys.exit(run_command(create_admin(settings, if_none=if_none, credentials=credentials, home=home)))


@admin.command()
@click.argument("email")
@_home_option
def reset(email: str, home: str | None) -> None:
    """Print a token that sets a new password.

    It is for the account with the address EMAIL, once and within 30 minutes.

    Give it to the user, who sends it with the new password: PUT /api/v1/password. All sessions of the account end then.
    """
    from headrace.cli.terminal.accounts.reset import show_reset_token
    from headrace.cli.terminal.exits import run_command

    settings = read_settings()
    note_unknown_settings()
    sys.exit(run_command(show_reset_token(settings, email, home)))


@admin.command("trim-audit")
@_home_option
def trim_audit(home: str | None) -> None:
    """Remove old entries of the audit.

    Those that are older than HEADRACE_AUDIT_RETENTION_DAYS.

    `headrace migrate` does this too. It needs the right to delete from the table, which the API should not have.
    """
    from headrace.cli.terminal.accounts.audit_retention import trim_audit_of_home
    from headrace.cli.terminal.exits import run_command

    settings = read_settings()
    note_unknown_settings()
    sys.exit(run_command(trim_audit_of_home(settings, home)))


@admin.command("set-up", hidden=True)
@click.option("--credentials", type=click.Path(path_type=Path), required=True, help="Where the credentials are kept.")
@click.option("--link", metavar="URL", help="The API, for a link that signs the administrator in.")
def set_up(credentials: Path, link: str | None) -> None:
    """Make the administrator of a home unless there is one; `headrace up` runs this."""
    from headrace.cli.terminal.accounts.first_admin import make_first_admin
    from headrace.cli.terminal.exits import run_command
    from headrace.parent_watch import watch_parent

    watch_parent()
    sys.exit(run_command(make_first_admin(read_settings(), credentials, link)))


@admin.command("rotate-secret")
@click.option("--forget-old", is_flag=True, help="Make no new secret, and take only the newest one from now on.")
@click.option("--yes", is_flag=True, help="Do not ask before the old ones are forgotten.")
@click.option(
    "--home", metavar="DIR", help="The home of a `headrace up`.  [default: HEADRACE_API_SECRETS, or the usual one]"
)
def rotate_secret(forget_old: bool, yes: bool, home: str | None) -> None:
    """Put a new secret before the old ones.

    In a home; or, where HEADRACE_API_SECRETS is set, prints the values that it is given one after the other, a line each.
    Restart `up`, or the API processes. Sessions and keys go on, and each key is hashed with the new secret when it is next used.

    Run it with --forget-old when every key was used once more and 30 days have passed for sessions: what was made with the old
    secrets, and not used since, ends with that.
    """
    from headrace.cli.terminal.accounts.rotation import rotate_secret as rotate

    settings = read_settings()
    sys.exit(run_plainly(lambda: rotate(settings, home, forget_old=forget_old, yes=yes)))
