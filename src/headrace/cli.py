"""The command line. Commands import what they need when they run, so that `--help` is quick and `up` stays small."""

from __future__ import annotations

import os
import sys
from datetime import timedelta

import click
from msgspec import Raw

from headrace.contracts.events import EventName
from headrace.contracts.tasks import Priority
from headrace.settings import Settings, SettingsError, split_bind
from headrace.terminal.arguments import DURATION, ID, INPUT, KIND

EXIT_USAGE = 2

_url = click.option("--url", metavar="URL", help="The API.  [default: HEADRACE_URL, or the running `headrace up`]")
_json = click.option("--json", is_flag=True, help="Print JSON.")


def main() -> None:
    """Run the command line."""
    cli(prog_name="headrace")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="headrace")
def cli() -> None:
    """Background work for web applications: accepted over HTTP, run on NATS JetStream, followed live."""


@cli.command()
@click.option("--home", help="Where the data is kept; the user-data directory by default.")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: 8080]")
def up(home: str | None, host: str | None, port: int | None) -> None:
    """Run everything on this machine: NATS, Postgres, migrations, api, worker and projector."""
    import asyncio

    from headrace.embedded.home import Home
    from headrace.embedded.up import up as run_up

    settings = _settings()
    bound_host, bound_port = split_bind(settings.api.bind)
    sys.exit(asyncio.run(run_up(settings, Home.at(home or settings.home), host or bound_host, port or bound_port)))


@cli.command()
def api() -> None:
    """Run the HTTP API."""
    from headrace.api.server import serve
    from headrace.process import run_process

    sys.exit(run_process("api", _settings(), serve))


@cli.command()
@click.argument("kinds", nargs=-1, metavar="[KIND]...")
def worker(kinds: tuple[str, ...]) -> None:
    """Run tasks of the given kinds, or of all."""
    from headrace.process import run_process
    from headrace.worker.main import work

    sys.exit(run_process("worker", _settings(), lambda settings, stop: work(settings, stop, kinds)))


@cli.command()
def projector() -> None:
    """Keep the read model; of several, one is active and the others stand by."""
    from headrace.process import run_process
    from headrace.projector.project import project

    sys.exit(run_process("projector", _settings(), project))


@cli.command()
def migrate() -> None:
    """Bring the database up to date."""
    from headrace.store.migrate import migrate as run_migrate
    from headrace.telemetry import get_logger, set_up_logs

    settings = _settings()
    set_up_logs("migrate", settings.log_level, settings.log_format)
    run_migrate(settings.database)
    get_logger(__name__).info("the database is up to date")


@cli.command()
@click.argument("kind", type=KIND)
@click.option("--input", type=INPUT, required=True, metavar="JSON|@FILE|-", help="A JSON object, a file, or stdin.")
@click.option("--priority", type=click.Choice([str(each) for each in Priority]), help="The lane.  [default: normal]")
@click.option("--follow", is_flag=True, help="Show it live, then print its result.")
@click.option("--wait", is_flag=True, help="Wait for its end, then print its result.")
@_url
def submit(kind: str, input: Raw, priority: str | None, follow: bool, wait: bool, url: str | None) -> None:
    """Submit a task.

    Prints its id and state; with --follow or --wait, only its result goes to standard output. Exits with 1 when the task
    failed, 2 when it was refused, 3 when the API cannot be reached.
    """
    from headrace.terminal.addresses import api_url
    from headrace.terminal.stopped import run
    from headrace.terminal.submit import submit as run_submit

    if follow and wait:
        raise click.UsageError("--follow waits already; leave --wait out")
    lane = Priority(priority) if priority else None
    sys.exit(run(run_submit(api_url(url, _settings()), kind, input, lane, follow=follow, wait=wait)))


@cli.command()
@click.option("--kind", type=KIND, help="Only this kind.")
@click.option("--task", type=ID, metavar="ID", help="Only this task; the end of its id, as shown, will do.")
@click.option("--event", type=click.Choice([str(each) for each in EventName]), help="Only this event.")
@click.option("--since", type=DURATION, help="Begin that long ago: 30s, 10m, 2h, 1d.  [default: now]")
@_json
def tail(kind: str | None, task: str | None, event: str | None, since: timedelta | None, json: bool) -> None:
    """Watch what happens to tasks, straight from the log."""
    from headrace.terminal.stopped import run
    from headrace.terminal.tail import Wanted
    from headrace.terminal.tail import tail as run_tail

    wanted = Wanted(kind=kind or "*", task=task or "*", event=event or "*")
    sys.exit(run(run_tail(_settings(), wanted, since=since, json=json), interrupted=0))


@cli.command()
@_json
@_url
def kinds(json: bool, url: str | None) -> None:
    """List the kinds of task that can be submitted."""
    from headrace.terminal.addresses import api_url
    from headrace.terminal.kinds import show_kinds
    from headrace.terminal.stopped import run

    sys.exit(run(show_kinds(api_url(url, _settings()), json=json)))


@cli.command()
@_json
def lag(json: bool) -> None:
    """Show how far each reader of the log is behind."""
    from headrace.terminal.lag import show_lag
    from headrace.terminal.stopped import run

    sys.exit(run(show_lag(_settings(), json=json)))


def _settings() -> Settings:
    try:
        return Settings.read(os.environ)
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_USAGE)
