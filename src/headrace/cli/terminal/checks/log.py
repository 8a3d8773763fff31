"""Check the log: how full it is, and whether it has all of its copies."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.cli.terminal.checks.verdict import Figure, Finding, Level, Thresholds, Verdict, exceeded
from headrace.cli.terminal.sizes import size
from headrace.log.extent import LogExtent

PERCENT = 100.0


def check_log(extent: LogExtent, thresholds: Thresholds) -> Verdict:
    """Judge the log."""
    used = extent.bytes * PERCENT / extent.bytes_max
    findings = [*_of_size(extent, used, thresholds), *_of_copies(extent)]
    copies = f", {extent.replicas} copies" if extent.replicas > 1 else ""
    figures = [
        Figure("used", used, "%", *thresholds.used),
        Figure("bytes", extent.bytes, "B"),
        Figure("copies", extent.replicas_current),
    ]
    return Verdict("log", findings, f"{size(extent.bytes)} of {size(extent.bytes_max)}{copies}", figures)


def _of_size(extent: LogExtent, used: float, thresholds: Thresholds) -> Iterator[Finding]:
    if level := exceeded(used, thresholds.used):
        then = "new work is refused" if used >= PERCENT else "at 100 % new work is refused"
        yield Finding(level, f"{used:.0f} % of {size(extent.bytes_max)} used; {then}")
    for what, store in (("disk", extent.disk), ("memory", extent.memory)):
        share = store.used * PERCENT / store.limit if store is not None and store.limit > 0 else 0.0
        if store is not None and (level := exceeded(share, thresholds.used)):
            yield Finding(level, f"JetStream uses {share:.0f} % of the {what} that it may: {size(store.limit)}")


def _of_copies(extent: LogExtent) -> Iterator[Finding]:
    if not extent.has_leader:
        yield Finding(Level.CRITICAL, "the log has no leader, and takes nothing: start its servers")
    elif extent.replicas_current < extent.replicas:
        level = Level.WARNING if extent.replicas_current > extent.replicas // 2 else Level.CRITICAL
        behind = f" ({', '.join(extent.behind)} behind or away)" if extent.behind else ""
        yield Finding(level, f"{extent.replicas_current} of {extent.replicas} copies are up to date{behind}")
