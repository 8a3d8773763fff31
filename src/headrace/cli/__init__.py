"""The command line. Commands import what they need when they run, so that `--help` is quick and `up` stays small."""

from __future__ import annotations

import sys
from datetime import timedelta

import click

from headrace.cli.commands.kinds import kinds, pause, resume
from headrace.cli.commands.options import json_option, read_settings
from headrace.cli.commands.schedules import schedules
from headrace.cli.commands.tasks import batch, cancel, replay, submit
from headrace.cli.terminal.arguments import DURATION, ID, KIND
from headrace.contracts.events import EventName
from headrace.settings import split_bind


def main() -> None:
    """Run the command line."""
    cli(prog_name="headrace")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="headrace")
def cli() -> None:
    """Background work for web applications: accepted over HTTP, run on NATS JetStream, followed live."""


for command in (submit, batch, cancel, replay, schedules, kinds, pause, resume):
    cli.add_command(command)


@cli.command()
@click.option("--home", help="Where the data is kept; the user-data directory by default.")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: 8080]")
def up(home: str | None, host: str | None, port: int | None) -> None:
    """Run everything on this machine: NATS, Postgres, migrations, api, worker and projector."""
    import asyncio

    from headrace.embedded.home import Home
    from headrace.embedded.up import up as run_up

    settings = read_settings()
    bound_host, bound_port = split_bind(settings.api.bind)
    sys.exit(asyncio.run(run_up(settings, Home.at(home or settings.home), host or bound_host, port or bound_port)))


@cli.command()
def api() -> None:
    """Run the HTTP API."""
    from headrace.api.server import serve
    from headrace.process import run_process

    sys.exit(run_process("api", read_settings(), serve))


@cli.command()
@click.argument("kinds", nargs=-1, metavar="[KIND]...")
def worker(kinds: tuple[str, ...]) -> None:
    """Run tasks of the given kinds, or of all."""
    from headrace.process import run_process
    from headrace.worker.main import work

    sys.exit(run_process("worker", read_settings(), lambda settings, stop: work(settings, stop, kinds)))


@cli.command()
def projector() -> None:
    """Keep the read model; of several, one is active and the others stand by."""
    from headrace.process import run_process
    from headrace.projector.project import project

    sys.exit(run_process("projector", read_settings(), project))


@cli.command()
def migrate() -> None:
    """Bring the database up to date."""
    from headrace.store.migrate import migrate as run_migrate
    from headrace.telemetry import get_logger, set_up_logs

    settings = read_settings()
    set_up_logs("migrate", settings.log_level, settings.log_format)
    run_migrate(settings.database)
    get_logger(__name__).info("the database is up to date")


@cli.command()
@click.option("--kind", type=KIND, help="Only this kind.")
@click.option("--task", type=ID, metavar="ID", help="Only this task; the end of its id, as shown, will do.")
@click.option("--event", type=click.Choice([str(each) for each in EventName]), help="Only this event.")
@click.option("--since", type=DURATION, help="Begin that long ago: 30s, 10m, 2h, 1d.  [default: now]")
@json_option
def tail(kind: str | None, task: str | None, event: str | None, since: timedelta | None, json: bool) -> None:
    """Watch what happens to tasks, straight from the log."""
    from headrace.cli.terminal.stopped import run
    from headrace.cli.terminal.tail import Wanted
    from headrace.cli.terminal.tail import tail as run_tail

    wanted = Wanted(kind=kind or "*", task=task or "*", event=event or "*")
    sys.exit(run(run_tail(read_settings(), wanted, since=since, json=json), interrupted=0))


@cli.command()
@json_option
def lag(json: bool) -> None:
    """Show how far each reader of the log is behind."""
    from headrace.cli.terminal.lag import show_lag
    from headrace.cli.terminal.stopped import run

    sys.exit(run(show_lag(read_settings(), json=json)))
