"""Commands that run Headrace: `up`, the processes one by one, `migrate` and `provision`."""

from __future__ import annotations

import gc
import sys
from functools import partial

import click

from headrace.cli.commands.options import note_unknown_settings, read_settings_to_start
from headrace.cli.terminal.output import note
from headrace.embedded.counts import APIS_MAX, WORKERS_MAX, Counts
from headrace.settings import split_bind


@click.command()
@click.option("--home", help="Where the data is kept; the user-data directory by default, for root /var/lib/headrace.")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: 8080]")
@click.option(
    "--apis",
    type=click.IntRange(1, APIS_MAX),
    default=1,
    help="How many APIs share the port, which is possible on Linux.  [default: 1]",
)
@click.option(
    "--workers", type=click.IntRange(1, WORKERS_MAX), default=1, help="How many workers run tasks.  [default: 1]"
)
@click.option("--no-web", "leave_web", is_flag=True, help="Do not build the web app, whatever has changed in it.")
def up(home: str | None, host: str | None, port: int | None, apis: int, workers: int, leave_web: bool) -> None:
    """Run everything on this machine.

    NATS, Postgres, migrations, api, worker and projector. One of them that ends is started again at once. In a checkout with Node
    20.19 or newer, the web app is built first where its sources have changed.
    """
    import asyncio

    from headrace.embedded.home import Home
    from headrace.embedded.up import PROGRAMS
    from headrace.embedded.up import up as run_up
    from headrace.embedded.web_app import bring_up_to_date
    from headrace.web_place import sources

    if apis > 1 and sys.platform != "linux":
        raise click.BadParameter(
            "only Linux spreads connections over several APIs: leave it at 1", param_hint="'--apis'"
        )
    settings = read_settings_to_start("up")
    note_unknown_settings()
    bound_host, bound_port = split_bind(settings.api.bind)
    place = host or bound_host, port or bound_port
    # Where the settings name another app, nobody would see this one.
    frontend = None if leave_web or settings.api.web else sources()
    build_web = None if frontend is None else partial(bring_up_to_date, frontend)
    programs = PROGRAMS._replace(counts=Counts(apis, workers))
    running = run_up(settings, Home.at(home or settings.home), *place, programs=programs, build_web=build_web)
    sys.exit(asyncio.run(running))


@click.command()
@click.option("--mount", help="Serve only these of core,member,admin,streams.  [default: HEADRACE_API_MOUNTS, or all]")
def api(mount: str | None) -> None:
    """Run the HTTP API.

    Of its mounts, `streams` has every path below /api that ends in /events, and `admin` what only administrators may do; `member` has the screens of members;
    `core` has the rest, and the web app. A proxy before several gives each its paths: docs/access.md lists them.
    """
    _load_without_collections()
    from headrace.api.server import serve
    from headrace.process import run_process

    settings = read_settings_to_start("api", {"HEADRACE_API_MOUNTS": mount} if mount else {})
    sys.exit(run_process("api", settings, serve, settings.api.drain + settings.api.grace))


@click.command()
@click.argument("kinds", nargs=-1, metavar="[KIND]...")
def worker(kinds: tuple[str, ...]) -> None:
    """Run tasks of the given kinds, or of all."""
    _load_without_collections()
    from headrace.process import run_process
    from headrace.worker.main import work

    settings = read_settings_to_start("worker")
    sys.exit(run_process("worker", settings, lambda _, stop: work(settings, stop, kinds), settings.worker.grace))


@click.command()
def projector() -> None:
    """Keep the read model.

    Of several projectors, one is active and the others stand by.
    """
    _load_without_collections()
    from headrace.process import run_process
    from headrace.projector.project import project

    sys.exit(run_process("projector", read_settings_to_start("projector"), project))


@click.command()
def migrate() -> None:
    """Bring the database up to date.

    Removes the entries of the audit whose retention is over, too.
    """
    from headrace.cli.terminal.accounts.audit_retention import trim_audit
    from headrace.cli.terminal.exits import run_command
    from headrace.process import EXIT_CANNOT_START
    from headrace.store.migrate import MigrationFailed
    from headrace.store.migrate import migrate as run_migrate
    from headrace.telemetry import get_logger, set_up_logs

    settings = read_settings_to_start("migrate")
    note_unknown_settings()
    set_up_logs("migrate", settings.log_level, settings.log_format)
    log = get_logger(__name__)
    try:
        newer = run_migrate(settings.database)
    except MigrationFailed as error:
        note(str(error))
        sys.exit(EXIT_CANNOT_START)
    if newer is None:
        log.info("the database is up to date")
    else:
        log.info("a newer version has migrated the database; this one needs nothing of it", revision=newer)
    sys.exit(run_command(trim_audit(settings)))


@click.command()
def provision() -> None:
    """Create or change the streams on NATS.

    As the settings say. Where NATS has the users of docs/nats-accounts.conf, only `provisioner` may: HEADRACE_NATS_USER=provisioner.
    """
    import asyncio

    from headrace.errors import HeadraceError
    from headrace.log.jetstream import ProvisionError
    from headrace.log.provisioning import provision as run_provision
    from headrace.process import EXIT_CANNOT_START
    from headrace.telemetry import get_logger, set_up_logs

    settings = read_settings_to_start("provision")
    note_unknown_settings()
    set_up_logs("provision", settings.log_level, settings.log_format)
    try:
        asyncio.run(run_provision(settings))
    except (HeadraceError, ProvisionError) as error:
        note(str(error))
        sys.exit(EXIT_CANNOT_START)
    get_logger(__name__).info("the streams are as the settings say")


def _load_without_collections() -> None:
    """Have the garbage collector wait until `headrace.process.run_process` lets it work."""
    # What a process loads stays for as long as it runs. To look through it for garbage again and again takes a tenth of its start.
    gc.disable()
