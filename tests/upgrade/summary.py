"""What a run was: how many tasks, how every request was answered, and what was violated, read off its journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from tests.faults.journal import Answered, Cut, Seen, Unanswered, read
from tests.faults.run_setup import Verdict

COLUMNS = ("run", "tasks", "seconds", "answers by status", "not answered", "streams cut", "events", "violations")


class Summary(Struct, frozen=True, kw_only=True):
    """One run.

    Attributes:
        answers: How often each status was answered.
        unanswered: Requests whose connection was closed before there was an answer; the client has asked again.
        cuts: How often a stream ended and was resumed.
        events: What all streams gave.
    """

    run: str
    tasks: int
    seconds: float
    answers: dict[int, int]
    unanswered: dict[str, int]
    cuts: int
    events: int
    violations: list[str]


def summarize(verdict: Verdict) -> Summary:
    """Sum up a run by its journal."""
    entries = read(verdict.file) if verdict.file is not None else []
    return Summary(
        run=verdict.fault,
        tasks=verdict.tasks,
        seconds=verdict.seconds,
        answers=Counter(each.status for each in entries if isinstance(each, Answered)),
        unanswered=Counter(each.error for each in entries if isinstance(each, Unanswered)),
        cuts=sum(isinstance(each, Cut) for each in entries),
        events=sum(isinstance(each, Seen) for each in entries),
        violations=verdict.violations,
    )


def table(summaries: Sequence[Summary]) -> str:
    """Show runs, one in a line."""
    rows = [COLUMNS, *map(_row, summaries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def _row(of: Summary) -> tuple[str, ...]:
    answers = ", ".join(f"{status}: {count:,}" for status, count in sorted(of.answers.items()))
    unanswered = ", ".join(f"{count} {error}" for error, count in of.unanswered.items())
    figures = (f"{of.tasks:,}", f"{of.seconds:.0f}", answers, unanswered or "0", str(of.cuts), f"{of.events:,}")
    return (of.run, *figures, str(len(of.violations)) if of.violations else "none")
