"""The command: ask everything, print what was seen, and return the exit code."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from headrace.cli.terminal.check_nats import CONNECT_SECONDS
from headrace.cli.terminal.cluster.database import check_database
from headrace.cli.terminal.cluster.files import check_files
from headrace.cli.terminal.cluster.processes import ROLES, check_processes
from headrace.cli.terminal.cluster.seen import Seen, level_of, lines_of
from headrace.cli.terminal.cluster.servers import check_servers
from headrace.cli.terminal.cluster.streams import check_streams
from headrace.cli.terminal.cluster.users import check_users
from headrace.cli.terminal.discovery import find_database, find_nats, find_objects
from headrace.cli.terminal.nats_monitor import find_monitors
from headrace.cli.terminal.output import show, show_json_text
from headrace.contracts.processes import ProcessRole
from headrace.embedded.home import Home
from headrace.errors import LogUnavailable
from headrace.log.opening import open_to_read
from headrace.settings import Settings
from headrace.settings.hiding import hide_secrets
from headrace.telemetry import set_up_logs


async def check_cluster(
    settings: Settings, *, home: str | None, passwords: Path | None, allow_no_workers: bool, json: bool
) -> int:
    """Print what was seen of everything, and return 0 when it is well, 1 for warnings, 2 for what is critical.

    Args:
        settings: The settings, best those of an API.
        home: The home of the `up` to ask, when one is given.
        passwords: A directory with the passwords of the users of NATS, see `check_users`.
        allow_no_workers: Do not miss workers, as where something scales them to zero.
        json: Print JSON.

    Raises:
        CommandFailed: No `up` runs in the home that is given.
    """
    # What goes wrong is said by the command itself.
    set_up_logs("check", "error", settings.log_format)
    found_nats = find_nats(settings, home)
    monitors = find_monitors(found_nats, Home.at(home or settings.home).running())
    groups = await asyncio.gather(
        check_servers(found_nats, monitors),
        _check_log(found_nats, allow_no_workers=allow_no_workers),
        check_users(found_nats, passwords),
        check_database(find_database(settings, home)),
    )
    seen = [each for group in groups for each in group]
    seen.append(await check_files(find_objects(settings, home)))
    level = level_of(seen)
    if json:
        encoded = msgspec.json.encode({"level": level.name, "seen": seen}).decode()
        show_json_text(msgspec.json.format(hide_secrets(encoded, settings), indent=2))
    else:
        for line in lines_of(seen):
            show(hide_secrets(line, settings))
    return level


async def _check_log(settings: Settings, *, allow_no_workers: bool) -> list[Seen]:
    """Ask what a client can: for the streams, and for the processes."""
    missed: list[ProcessRole] = [role for role in ROLES if not (allow_no_workers and role == "worker")]
    try:
        async with open_to_read(settings, "check", CONNECT_SECONDS) as log:
            return [*await check_streams(log), *await check_processes(log, missed)]
    except LogUnavailable as error:
        return [
            Seen(about="log", state="critical", what=error.message, remedy="start NATS, or run `headrace provision`")
        ]
