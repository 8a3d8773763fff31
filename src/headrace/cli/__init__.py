"""The command line. `commands` defines arguments and options, `terminal` does what a command is for and shows it.

A command imports what it needs when it runs, so that `headrace --help` is quick and `headrace up` stays small.
"""

from __future__ import annotations

import os
import signal
import sys

import click

from headrace.cli.commands.admin import admin, enter
from headrace.cli.commands.changes import cancel, replay
from headrace.cli.commands.check import check, doctor
from headrace.cli.commands.demo import demo
from headrace.cli.commands.files import files
from headrace.cli.commands.keys import key, login, logout, secret
from headrace.cli.commands.kinds import kinds, pause, resume
from headrace.cli.commands.listing import list_tasks
from headrace.cli.commands.log import lag, tail
from headrace.cli.commands.logs import logs
from headrace.cli.commands.processes import api, migrate, projector, provision, up, worker
from headrace.cli.commands.schedules import schedules
from headrace.cli.commands.tasks import batch, results, submit
from headrace.cli.commands.types import types
from headrace.cli.terminal.exits import run_cli


def main() -> None:
    """Run the command line, and exit as its command ends."""
    _end_on_sigterm()
    sys.exit(run_cli(cli))


def _end_on_sigterm() -> None:
    """End at once on SIGTERM until a command says what to do instead, also as the first process of a container.

    The kernel drops a signal for which the first process has no handler. A process that is stopped while it still loads its
    modules would start, and use up all the time that it has to end in.
    """
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="headrace")
def cli() -> None:
    """Background work for web applications: accepted over HTTP, run on NATS JetStream, followed live."""


PROCESSES = (up, api, worker, projector, migrate, provision, check, doctor)
TASKS = (submit, batch, results, list_tasks, logs, cancel, replay, demo)
KINDS = (kinds, types, pause, resume)
LOG = (tail, lag)
ACCOUNTS = (key, login, logout, enter, secret, admin)

for command in (*PROCESSES, *TASKS, *KINDS, schedules, files, *LOG, *ACCOUNTS):
    cli.add_command(command)
