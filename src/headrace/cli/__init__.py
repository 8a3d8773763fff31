"""The command line. `commands` defines arguments and options, `terminal` does what a command is for and shows it.

A command is imported when it is run, and imports what it needs then, so that `headrace --help` is quick and `headrace up` stays
small.
"""

from __future__ import annotations

import os
import signal
import sys

import click

from headrace.cli.deferred import DeferredGroup, Place
from headrace.cli.terminal.exits import run_cli

PACKAGE = "headrace.cli.commands"

COMMANDS = {
    "init": Place(f"{PACKAGE}.init", "init", "Write a first kind, its test, and what runs it."),
    "up": Place(f"{PACKAGE}.processes", "up", "Run everything on this machine."),
    "api": Place(f"{PACKAGE}.processes", "api", "Run the HTTP API."),
    "worker": Place(f"{PACKAGE}.processes", "worker", "Run tasks of the given kinds, or of all."),
    "projector": Place(f"{PACKAGE}.processes", "projector", "Keep the read model."),
    "migrate": Place(f"{PACKAGE}.processes", "migrate", "Bring the database up to date."),
    "provision": Place(f"{PACKAGE}.processes", "provision", "Create or change the streams on NATS."),
    "check": Place(f"{PACKAGE}.check", "check", "Check settings, what runs, or an installation."),
    "doctor": Place(f"{PACKAGE}.check", "doctor", "Collect what is known, and say what to do about it."),
    "submit": Place(f"{PACKAGE}.tasks", "submit", "Submit a task."),
    "batch": Place(f"{PACKAGE}.tasks", "batch", "Submit many tasks of one kind."),
    "results": Place(f"{PACKAGE}.tasks", "results", "Print the results of a batch, a line of JSON for each task."),
    "list": Place(f"{PACKAGE}.listing", "list_tasks", "List tasks, the newest first."),
    "logs": Place(f"{PACKAGE}.logs", "logs", "Show the newest lines that a task wrote."),
    "cancel": Place(f"{PACKAGE}.changes", "cancel", "Cancel tasks."),
    "replay": Place(f"{PACKAGE}.changes", "replay", "Run failed tasks again."),
    "demo": Place(f"{PACKAGE}.demo", "demo", "Make a minute of mixed work, to look at it in the web app."),
    "kinds": Place(f"{PACKAGE}.kinds", "kinds", "List the kinds of task that can be submitted."),
    "types": Place(f"{PACKAGE}.types", "types", "Print the types of what kinds take and give."),
    "pause": Place(f"{PACKAGE}.kinds", "pause", "Start no more tasks of a kind until it is resumed."),
    "resume": Place(f"{PACKAGE}.kinds", "resume", "Start tasks of a paused kind again."),
    "schedules": Place(f"{PACKAGE}.schedules", "schedules", "List schedules; add, pause, resume, run and remove them."),
    "files": Place(f"{PACKAGE}.files", "files", "Upload, list, download and delete files."),
    "tail": Place(f"{PACKAGE}.log", "tail", "Watch what happens to tasks, straight from the log."),
    "lag": Place(f"{PACKAGE}.log", "lag", "Show what waits and what runs, and say what is wrong."),
    "key": Place(f"{PACKAGE}.keys", "key", "Print the API key that commands use."),
    "login": Place(f"{PACKAGE}.keys", "login", "Keep an API key for a server."),
    "logout": Place(f"{PACKAGE}.keys", "logout", "Forget the API key that was kept for a server."),
    "enter": Place(f"{PACKAGE}.admin", "enter", "Print a link that signs the administrator of `up` in."),
    "secret": Place(f"{PACKAGE}.keys", "secret", "Print a new secret, for HEADRACE_API_SECRETS."),
    "admin": Place(f"{PACKAGE}.admin", "admin", "Make administrators, and let them in again."),
}


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


@click.group(
    cls=DeferredGroup,
    places=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="headrace")
def cli() -> None:
    """Background work for web applications: accepted over HTTP, run on NATS JetStream, followed live."""
