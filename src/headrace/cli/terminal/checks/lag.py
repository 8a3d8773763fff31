"""Check the kinds, and the readers of the projector."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from headrace.cli.terminal.checks.verdict import Figure, Finding, Level, Thresholds, Verdict, aged
from headrace.durations import span
from headrace.lag import hints
from headrace.lag.rows import Row
from headrace.log import consumer_names

_STANDS_STILL = (hints.NO_WORKERS, hints.STALLED, hints.NOT_RUNNING)


def check_lag(rows: Sequence[Row], thresholds: Thresholds, kinds: Collection[str] = ()) -> Verdict:
    """Judge the rows of `headrace lag`.

    Args:
        rows: What is known of each kind and of the readers of the projector.
        thresholds: `oldest` is for queued tasks, `behind` for records that the projector has not read.
        kinds: Only these kinds; all when empty.
    """
    of_kinds = [row for row in rows if row.of == "kind" and (not kinds or row.name in kinds)]
    readers = [row for row in rows if row.of == "headrace"]
    findings = [finding for row in of_kinds for finding in _of_kind(row, thresholds)]
    findings += [finding for row in readers for finding in _of_reader(row, thresholds)]
    if missing := sorted(set(kinds) - {row.name for row in of_kinds}):
        findings.append(Finding(Level.CRITICAL, f"no worker ever announced {', '.join(missing)}"))
    if not any(row.name == consumer_names.PROJECTOR for row in readers):
        findings.append(Finding(Level.CRITICAL, "no projector ever ran"))
    return Verdict("lag", findings, _summary(of_kinds), _figures(of_kinds, readers, thresholds))


def _summary(of_kinds: Sequence[Row]) -> str:
    queued, running, deferred = _sums(of_kinds)
    waits = f", the oldest for {span(_oldest(of_kinds))}" if queued else ""
    more = "" if _all_deferred_are_counted(of_kinds) else "+"
    later = f", {deferred:,}{more} deferred" if deferred or more else ""
    return (
        f"{len(of_kinds)} kind{'' if len(of_kinds) == 1 else 's'}, {queued:,} queued{waits}, {running:,} running{later}"
    )


def _figures(of_kinds: Sequence[Row], readers: Sequence[Row], thresholds: Thresholds) -> Sequence[Figure]:
    queued, running, deferred = _sums(of_kinds)
    return (
        Figure("queued", queued),
        Figure("oldest", _oldest(of_kinds), "s", *thresholds.oldest),
        Figure("running", running),
        # A graph of what was counted so far would stand still while more and more tasks are deferred.
        Figure("deferred", deferred if _all_deferred_are_counted(of_kinds) else None),
        Figure("behind", _oldest(readers), "s", *thresholds.behind),
    )


def _sums(rows: Sequence[Row]) -> tuple[int, int, int]:
    """Return how many tasks are queued, running and deferred."""
    return sum(row.queued for row in rows), sum(row.running for row in rows), sum(row.deferred or 0 for row in rows)


def _oldest(rows: Sequence[Row]) -> float:
    return max((row.oldest_queued_seconds or 0.0 for row in rows), default=0.0)


def _all_deferred_are_counted(rows: Sequence[Row]) -> bool:
    return all(row.deferred_is_complete for row in rows)


def _of_kind(row: Row, thresholds: Thresholds) -> Iterator[Finding]:
    if row.state in _STANDS_STILL:
        # Workers are away for a moment while they are replaced.
        is_new = row.oldest_queued_seconds is not None and row.oldest_queued_seconds < thresholds.oldest[0]
        yield Finding(Level.WARNING if is_new else Level.CRITICAL, f"{row.name}: {row.hint}")
        return
    for finding in aged(
        f"{row.name}: {row.state or 'queued'}, the oldest for", row.oldest_queued_seconds, thresholds.oldest
    ):
        # Somebody has paused it, and knows.
        yield finding._replace(level=Level.WARNING) if row.paused else finding


def _of_reader(row: Row, thresholds: Thresholds) -> Iterator[Finding]:
    if row.state in _STANDS_STILL:
        yield Finding(Level.CRITICAL, str(row.hint))
    else:
        yield from aged(f"{row.name} is behind by", row.oldest_queued_seconds, thresholds.behind)
