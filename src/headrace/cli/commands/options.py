"""Options that several commands share, the settings of the environment, and the address of the API."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import click
from click.decorators import FC

from headrace.cli.commands.parameter_types import LABEL, RATE, SPAN
from headrace.cli.terminal.output import note
from headrace.contracts.tasks import ATTEMPTS_MAX, Priority
from headrace.settings import Settings, SettingsError, unknown_variables
from headrace.settings.hiding import hide_secrets
from headrace.settings.production import Process, Refusal, refusals

if TYPE_CHECKING:
    from headrace.cli.terminal.api import Api

EXIT_USAGE = 2

url_option = click.option(
    "--url", metavar="URL", help="The API.  [default: HEADRACE_URL, or the running `headrace up`]"
)
home_option = click.option(
    "--home", metavar="DIR", help="The home of a `headrace up`.  [default: HEADRACE_NATS_URL, or the running one]"
)
json_option = click.option("--json", is_flag=True, help="Print JSON.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask. Only somebody at a terminal is asked.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Only say how many there are.")
max_attempts_option = click.option(
    "--max-attempts", type=click.IntRange(1, ATTEMPTS_MAX), help="Attempts in all.  [default: its kind's]"
)
expires_in_option = click.option(
    "--expires-in", type=SPAN, help="Fail the task when it is not started within: 30s, 10m, 2h, 1d."
)
labels_option = click.option(
    "--label",
    "labels",
    type=LABEL,
    multiple=True,
    metavar="KEY=VALUE",
    help="What you call it by, to find it again; may be repeated.",
)
per_second_option = click.option(
    "--per-second",
    type=RATE,
    default=100.0,
    show_default=True,
    help="Tasks per second at most.",
)


def key_option(made: str) -> Callable[[FC], FC]:
    """Make the option for the Idempotency-Key of a submission; ``made`` names what it makes: a task or a batch."""
    return click.option("--key", help=f"Idempotency key: submitting again with it returns the first {made}.")


def priority_option(default: Priority) -> Callable[[FC], FC]:
    """Make the option for the lane; ``default`` is the one the API chooses, which depends on what is submitted."""
    return click.option(
        "--priority",
        type=click.Choice([str(each) for each in Priority]),
        help=f"Priority of the task.  [default: {default}]",
    )


def read_settings() -> Settings:
    """Read the settings from the environment; ends the command when they are wrong."""
    try:
        return Settings.read(os.environ)
    except SettingsError as error:
        note(str(error))
        sys.exit(EXIT_USAGE)


def read_usable_settings(given: Mapping[str, str] = MappingProxyType({})) -> tuple[Settings, str]:
    """Read the settings from the environment, and from ``given``, which wins.

    Returns:
        The settings, with the defaults in the places of those that are wrong; and what is wrong, empty when nothing is.
    """
    try:
        return Settings.read({**os.environ, **given}), ""
    except SettingsError as error:
        return cast("Settings", error.usable), str(error)


def refusals_beside(wrong: str, settings: Settings, process: Process | None) -> list[Refusal]:
    """Return what production refuses; a variable that cannot be read is not missing, too."""
    return [each for each in refusals(settings, process) if f"  {each.variable}" not in wrong]


def read_settings_to_start(process: Process, given: Mapping[str, str] = MappingProxyType({})) -> Settings:
    """Read the settings for a process as `read_usable_settings` does; ends the command with all that are wrong, or refused."""
    settings, wrong = read_usable_settings(given)
    refused = refusals_beside(wrong, settings, process)
    if wrong:
        note(wrong)
    if refused:
        lines = [hide_secrets(f"  {each.variable} {each.reason}", settings) for each in refused]
        note("\n".join(["production refuses these settings; `headrace check --explain` says what to do:", *lines]))
    if wrong or refused:
        sys.exit(EXIT_USAGE)
    return settings


def note_unknown_settings() -> None:
    """Tell of variables that look like settings and are none."""
    for sentence in unknown_variables(os.environ):
        note(sentence)


def called_api(given: str | None) -> Api:
    """Find the API that a command calls, ``given`` by `--url` or the one that runs, and the key for it; ends the command when a file of keys cannot be used."""
    from headrace.cli.terminal.api import Api
    from headrace.cli.terminal.api_key import find_key
    from headrace.cli.terminal.discovery import find_api
    from headrace.cli.terminal.exits import CommandFailed

    settings = read_settings()
    note_unknown_settings()
    url = find_api(given, settings)
    try:
        return Api(url, find_key(url, settings))
    except CommandFailed as failed:
        note(failed.message)
        sys.exit(failed.exit_code)


def run_plainly(command: Callable[[], int | None]) -> int:
    """Run a command that waits for nothing, and print the message of a `CommandFailed`; returns the exit code."""
    from headrace.cli.terminal.exits import CommandFailed

    note_unknown_settings()
    try:
        return command() or 0
    except CommandFailed as failed:
        note(failed.message)
        return failed.exit_code
