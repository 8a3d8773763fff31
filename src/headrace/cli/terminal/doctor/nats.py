"""What the doctor asks NATS."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from headrace.cli.terminal.check_nats import CONNECT_SECONDS, check_nats
from headrace.cli.terminal.checks.lag import check_lag
from headrace.cli.terminal.checks.log import check_log
from headrace.cli.terminal.checks.verdict import Thresholds
from headrace.cli.terminal.cluster.processes import check_processes
from headrace.cli.terminal.doctor.report import Report, StreamLine
from headrace.cli.terminal.nats_monitor import MONITOR_REMEDY, MonitorSilent, NatsServer, read_monitor
from headrace.contracts.processes import ProcessRole
from headrace.errors import LogUnavailable
from headrace.lag.percentiles import PercentilesReader
from headrace.lag.reading import Observer
from headrace.lag.rows import rows_of
from headrace.log import clock, metadata, subjects
from headrace.log.connection import Log
from headrace.log.extent import read_extent
from headrace.log.opening import open_to_read
from headrace.log.streams import STREAMS
from headrace.settings import Settings

NATS = "NATS"
THRESHOLDS = Thresholds(oldest=(60.0, 600.0), behind=(10.0, 60.0), used=(80.0, 95.0))
_PROVISION = "run `headrace provision`"
# The kinds' finding says whether the projector works.
_MISSED: Final[tuple[ProcessRole, ...]] = ("api", "worker")
_WHY_OF_UP = "`headrace up` starts it again and again: what it wrote to its output says why it ends"
_SCALED = "Workers that something scales to zero come with the next task"


async def ask_nats(report: Report, settings: Settings, percentiles: PercentilesReader, *, of_up: bool) -> None:
    """Ask NATS about the log, the streams, the kinds and the processes.

    Args:
        report: What is found is added to it.
        settings: Where NATS is, and who we are there.
        percentiles: Reads how long tasks waited and ran.
        of_up: Whether this is the NATS of a running `up`, which runs a process of each role.
    """
    report.versions[NATS] = None
    try:
        async with open_to_read(settings, "doctor", CONNECT_SECONDS) as log:
            await _ask_log(report, settings, log)
            await ask_kinds(report, Observer(log, percentiles))
            await _ask_processes(report, log, of_up=of_up)
    except LogUnavailable as error:
        report.add(NATS, error.message, "start NATS with JetStream, or correct HEADRACE_NATS_URL and who we are there")
        return
    async for refusal in check_nats(settings, None, set()):
        report.add(NATS, f"{refusal.variable} {refusal.reason}", refusal.remedy)


async def _ask_log(report: Report, settings: Settings, log: Log) -> None:
    report.versions[NATS] = log.jetstream.version
    asked = clock.system_now()
    report.log = extent = await read_extent(log)
    answered = clock.system_now()
    # The server answered somewhere between the two.
    report.note_clock(NATS, (extent.asked_at - asked - (answered - asked) / 2).total_seconds())
    for finding in check_log(extent, THRESHOLDS).findings:
        report.add(
            "log", finding.text, "raise HEADRACE_STREAM_MAX_BYTES or the disk, or start the servers that are away"
        )
    if extent.bytes_max != settings.stream.max_bytes:
        what = f"the log says that it takes {extent.bytes_max:,} bytes, HEADRACE_STREAM_MAX_BYTES here {settings.stream.max_bytes:,}"
        report.add("log", what, f"{_PROVISION} with the setting of the API, or correct it here")
    await _ask_streams(report, log)


async def ask_kinds(report: Report, observer: Observer) -> None:
    """Ask for what `headrace lag` shows, and judge it as `headrace check lag` does.

    Raises:
        LogUnavailable: the log does not answer.
    """
    report.kinds = rows_of(await observer.observe())
    hints = {row.name: row.hint for row in report.kinds}
    for finding in check_lag(report.kinds, THRESHOLDS).findings:
        # A finding that is a hint ends with its remedy.
        what, _, remedy = finding.text.rpartition("; ")
        hint = hints.get(finding.text.partition(":")[0])
        report.add("kinds", what or finding.text, remedy if what else hint or "see `headrace lag`")


async def _ask_processes(report: Report, log: Log, *, of_up: bool) -> None:
    """Miss the processes that are not heard of, unless nothing of Headrace ever ran here."""
    if not (of_up or any(row.of == "kind" for row in report.kinds)):
        return
    for seen in await check_processes(log, _MISSED):
        # What cannot be seen, and versions that differ during an upgrade, is for `headrace check cluster`.
        if seen.state == "critical":
            report.add("processes", seen.what, _WHY_OF_UP if of_up else f"{seen.remedy}. {_SCALED}")


async def _ask_streams(report: Report, log: Log) -> None:
    for name in STREAMS:
        info: dict[str, Any] = await log.jetstream.call(f"STREAM.INFO.{name}")
        if "error" in info:
            report.add("streams", f"stream {name} is missing: {info['error']['description']}", _PROVISION)
            continue
        config, state = info["config"], info["state"]
        said: dict[str, str] = config.get("metadata") or {}
        version = said.get(metadata.VERSION)
        report.streams.append(
            StreamLine(
                name=name,
                records=state["messages"],
                bytes=state["bytes"],
                replicas=config["num_replicas"],
                version=version,
            )
        )
        if name == subjects.STREAM and version is None:
            report.add("streams", f"stream {name} was made by a version that did not say so", _PROVISION)


async def ask_monitors(report: Report, urls: Iterable[str]) -> None:
    """Ask the monitoring ports of the servers."""
    for url in urls:
        try:
            server = await read_monitor(url)
        except MonitorSilent as silent:
            report.add(NATS, str(silent), MONITOR_REMEDY)
            continue
        report.nats_servers.append(server)
        _judge(report, server)


def _judge(report: Report, server: NatsServer) -> None:
    if server.memory_max == 0:
        what = f"{server.name} keeps nothing in memory (max_memory_store: 0)"
        report.add(
            NATS, what, "give JetStream max_memory_store: 256Mi; in the NATS chart, config.jetstream.memoryStore"
        )
    for what, used, most in (
        ("disk", server.disk_used, server.disk_max),
        ("memory", server.memory_used, server.memory_max),
    ):
        if most > 0 and used * 100 >= most * THRESHOLDS.used[0]:
            share = used * 100 / most
            remedy = f"give JetStream more {what}, or shorten HEADRACE_STREAM_RETENTION"
            report.add(NATS, f"JetStream of {server.name} uses {share:.0f} % of the {what} that it may", remedy)
