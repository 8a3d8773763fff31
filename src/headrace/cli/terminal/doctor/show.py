"""The command: collect, and show it as text or JSON."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version

import msgspec

from headrace.cli.terminal.discovery import find_database, find_nats
from headrace.cli.terminal.doctor.nats import NATS, ask_monitors, ask_nats
from headrace.cli.terminal.doctor.postgres import ask_postgres
from headrace.cli.terminal.doctor.report import DISK_FREE_PERCENT_MIN, Disk, Report
from headrace.cli.terminal.exits import CommandFailed
from headrace.cli.terminal.lag.columns import table
from headrace.cli.terminal.lag.percentiles import percentiles_reader
from headrace.cli.terminal.nats_monitor import NatsServer, find_monitors
from headrace.cli.terminal.output import format_table, show_json_text, show_styled
from headrace.cli.terminal.sizes import size
from headrace.contracts.run_time_settings import Retention
from headrace.embedded.home import Home, RunInfo
from headrace.printable import printable, printable_lines
from headrace.settings import Settings
from headrace.settings.hiding import hide_secrets
from headrace.settings.production import refusals
from headrace.settings.reading import PREFIX, variables
from headrace.settings.secret_files import SECRETS
from headrace.telemetry import set_up_logs

EXIT_FOUND = 1
HIDDEN = "(hidden)"

_SECRET_ENDINGS = tuple(f"_{name.upper()}" for name in SECRETS - {"url"})


async def examine(settings: Settings, wrong: str, *, home: str | None, json: bool) -> int:
    """Print what is known and what is wrong, and return 1 when something is, else 0.

    Args:
        settings: The settings.
        wrong: What of the settings cannot be read; empty when all can.
        home: The home of the `up` to examine, when one is given.
        json: Print JSON.
    """
    set_up_logs("doctor", "error", settings.log_format)
    report = Report(at=datetime.now(UTC), settings=given_settings(settings, os.environ))
    report.versions |= {"Headrace": version("headrace"), "Python": platform.python_version(), NATS: None}
    for line in wrong.splitlines()[1:]:
        report.add("settings", line.strip(), "correct the variable; docs/settings.md has them all")
    for refusal in refusals(settings):
        report.add("settings", f"{refusal.variable} {refusal.reason}", refusal.remedy)
    running = Home.at(home or settings.home).running()
    database = find_database(settings, home)
    has_read_model = await ask_postgres(report, database)
    try:
        found, percentiles = find_nats(settings, home), percentiles_reader(database if has_read_model else None)
        of_up = running is not None and found.nats.url == running.nats_url
        await ask_nats(report, found, percentiles, of_up=of_up)
        await ask_monitors(report, find_monitors(found, running))
    except CommandFailed as failed:
        report.add(NATS, failed.message, "start it, or name another home with --home")
    _ask_disk(report, running, Home.at(home or settings.home))
    encoded = hide_secrets(msgspec.json.encode(report).decode(), settings)
    if json:
        show_json_text(msgspec.json.format(encoded, indent=2))
    else:
        show_styled(hide_secrets(text_of(report), settings))
    return EXIT_FOUND if report.findings else 0


def given_settings(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of Headrace that are set, without the secrets in them."""
    return {
        name: HIDDEN if name.endswith(_SECRET_ENDINGS) else hide_secrets(environ[name], settings)
        for name in sorted(variables(type(settings), PREFIX))
        if environ.get(name)
    }


def text_of(report: Report) -> str:
    """Return a report as lines for a terminal. What is not known is left out."""
    return "\n".join(_lines(report))


def _ask_disk(report: Report, running: RunInfo | None, home: Home) -> None:
    if running is None:
        return
    usage = shutil.disk_usage(home.path)
    report.disk = Disk(path=str(home.path), free=usage.free, total=usage.total)
    share = usage.free * 100 / usage.total
    if share < DISK_FREE_PERCENT_MIN:
        what = f"{share:.0f} % of the disk of {home.path} is free: {size(usage.free)}"
        report.add("disk", what, "make room: NATS and Postgres stop when it is full")


def _lines(report: Report) -> Iterator[str]:
    yield from _section("versions", {name: found or "no answer" for name, found in report.versions.items()})
    yield from _section("settings", report.settings)
    if report.log is not None:
        yield from _section("log", dict(_log_lines(report)))
    if report.retention is not None:
        yield from _section("finished tasks in lists", dict(_kept_lines(report.retention)))
    if report.streams:
        rows = [
            (each.name, f"{each.records:,}", size(each.bytes), str(each.replicas), each.version or "?")
            for each in report.streams
        ]
        yield from ("", format_table(("stream", "#records", "#size", "#copies", "version"), rows))
    if report.kinds:
        yield from ("", table(report.kinds))
    yield from _section("servers of NATS", {each.name: _server_line(each) for each in report.nats_servers})
    yield from _section("migrations", {name: found or "none" for name, found in report.revision.items()})
    yield from _section(
        "clocks, to that of this machine", {name: f"{ahead:+.3f} s" for name, ahead in sorted(report.clocks.items())}
    )
    if report.disk is not None:
        yield from _section("disk", {report.disk.path: f"{size(report.disk.free)} of {size(report.disk.total)} free"})
    yield ""
    if not report.findings:
        yield "nothing is wrong"
        return
    yield f"{len(report.findings)} to look at:"
    for found in report.findings:
        yield printable_lines(f"  {found.about}: {found.what}")
        yield printable_lines(f"      {found.remedy}")


def _server_line(server: NatsServer) -> str:
    return (
        f"{server.version}, up {server.uptime}, disk {size(server.disk_used)} of {size(server.disk_max)}, "
        f"memory {size(server.memory_used)} of {size(server.memory_max)}, "
        f"flushes {'always' if server.flushes_always else 'now and then'}"
    )


def _section(title: str, lines: Mapping[str, str]) -> Iterator[str]:
    if lines:
        width = max(map(len, lines))
        yield from ("", title)
        yield from (printable(f"  {name:<{width}}  {value}") for name, value in lines.items())


def _kept_lines(retention: Retention) -> Iterator[tuple[str, str]]:
    yield "kept", f"{_days(retention.days)}; `retention` of /api/v1/admin/settings changes it"
    for kind, days in sorted(retention.kinds.items()):
        yield f"kept of {kind}", _days(days)


def _days(days: int) -> str:
    return f"{days:,} day{'' if days == 1 else 's'} after they finish" if days else "for ever"


def _log_lines(report: Report) -> Iterator[tuple[str, str]]:
    log = report.log
    assert log is not None
    yield "size", f"{size(log.bytes)} of {size(log.bytes_max)}, {log.records:,} records"
    since = f", the oldest of {log.first_at:%Y-%m-%d %H:%M} UTC" if log.first_at else ""
    yield "kept", f"{log.retention / 86_400:g} days{since}"
    yield "copies", f"{log.replicas_current} of {log.replicas} up to date"
    for name, store in (("disk", log.disk), ("memory", log.memory)):
        if store is not None:
            limit = f" of {size(store.limit)}" if store.limit > 0 else ", no limit for this account"
            yield f"JetStream's {name}", f"{size(store.used)}{limit}"
