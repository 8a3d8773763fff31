"""The command: check one thing or all, print a line, and return the exit code."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple

from headrace.cli.terminal.checks.lag import check_lag
from headrace.cli.terminal.checks.log import check_log
from headrace.cli.terminal.checks.ready import check_ready
from headrace.cli.terminal.checks.verdict import Finding, Level, Thresholds, Verdict, line_of
from headrace.cli.terminal.exits import CommandFailed
from headrace.cli.terminal.log_reader import open_log_reader
from headrace.cli.terminal.output import show
from headrace.lag.percentiles import nothing_known
from headrace.lag.reading import Observer
from headrace.lag.rows import rows_of
from headrace.log.connection import Log
from headrace.log.extent import read_extent
from headrace.settings import Settings

What = Literal["lag", "log", "ready", "all"]


class Asked(NamedTuple):
    """What to check: which of the checks, from which values on it is bad, of which kinds, and where."""

    what: What
    thresholds: Thresholds
    kinds: Collection[str]
    url: str
    home: str | None


async def check_now(settings: Settings, asked: Asked) -> int:
    """Print a line that says what is wrong, and return 0 for nothing, 1 for warnings, 2 for what is critical or cannot be asked."""
    verdicts: list[Verdict] = []
    if asked.what in ("ready", "all"):
        verdicts.append(await check_ready(asked.url))
    if asked.what != "ready":
        verdicts += await _of_log(settings, asked)
    level, line = line_of(verdicts)
    show(line)
    return level


async def _of_log(settings: Settings, asked: Asked) -> list[Verdict]:
    try:
        async with open_log_reader(settings, "check", asked.home) as log:
            found = [await _lag(log, asked)] if asked.what != "log" else []
            if asked.what != "lag":
                found.append(check_log(await read_extent(log), asked.thresholds))
            return found
    except CommandFailed as failed:
        why = failed.message.replace("\n", "; ")
        return [Verdict("log" if asked.what == "all" else asked.what, [Finding(Level.CRITICAL, why)], "")]


async def _lag(log: Log, asked: Asked) -> Verdict:
    rows = rows_of(await Observer(log, nothing_known).observe())
    return check_lag(rows, asked.thresholds, asked.kinds)
