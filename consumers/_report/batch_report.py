"""The report about a batch, from its results."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from statistics import quantiles

from headrace.task import BatchResult

from .document import (
    Bars,
    Block,
    Fact,
    Facts,
    Head,
    Histogram,
    Paragraph,
    Section,
    Table,
    bars_of,
    bounded,
    clean,
)
from .words import Words

BINS = 20
STATES = ("succeeded", "failed", "cancelled")
RESULTS_MAX = 1_000_000  # whose durations take 32 MB
MESSAGES_MAX = 1_000  # different ones that are counted
MESSAGES_SHOWN_MAX = 10


class TooManyResults(Exception):
    """There are more results than a report counts."""


class Tally:
    """What is counted of the results of a batch while they are read once.

    Args:
        results: What became of its tasks, in the order of their inputs.
        words: The words of the language of the report.

    Attributes:
        batch: The id of the batch; empty when it has no results.
        kind: The kind of its tasks.
        total: How many results there are.
        created_at: When its first task was submitted.
        finished_at: When the last of them ended; None when none has.
        states: How many are in each state.
        messages: How many tasks failed with each message; those beyond `MESSAGES_MAX` have none.
        seconds: How long each ran, in order.
        rows: The first results, as cells of a table; the others are counted.

    Raises:
        TooManyResults: There are more than `RESULTS_MAX`.
    """

    def __init__(self, results: Iterable[BatchResult], words: Words) -> None:
        self.batch = self.kind = ""
        self.total = 0
        self.created_at: datetime | None = None
        self.finished_at: datetime | None = None
        self.states: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()
        self.seconds: list[float] = []
        # A result may have megabytes; of those that are kept there are only cells, which are short.
        counted = self._count(results)
        self.rows = bounded(_row(each, words) for each in counted)
        deque(counted, maxlen=0)
        self.seconds.sort()

    def _count(self, results: Iterable[BatchResult]) -> Iterator[BatchResult]:
        """Count results while they are given."""
        for result in results:
            if not self.total:
                self.batch, self.kind = result.task.rpartition("-")[0], result.kind
            elif self.total == RESULTS_MAX:
                raise TooManyResults(f"The file has more than {RESULTS_MAX:,} results, which is what a report counts.")
            self._add(result)
            yield result

    def _add(self, result: BatchResult) -> None:
        self.total += 1
        self.states[result.state if result.state in STATES else "not finished"] += 1
        self.created_at = min(self.created_at or result.created_at, result.created_at)
        if result.finished_at is not None:
            self.finished_at = max(self.finished_at or result.finished_at, result.finished_at)
        if result.run_seconds is not None:
            self.seconds.append(result.run_seconds)
        if result.error is not None:
            message = clean(result.error.message)
            known = message in self.messages or len(self.messages) < MESSAGES_MAX
            self.messages[message if known else ""] += 1


def facts_of(tally: Tally, words: Words) -> list[Fact]:
    """Return what the title page says of the batch."""
    settled = words("not completed yet") if tally.states["not finished"] else words.moment(tally.finished_at)
    return [
        Fact(words("Batch"), clean(tally.batch)),
        Fact(words("Kind"), clean(tally.kind)),
        Fact(words("Tasks"), words.count(tally.total)),
        Fact(words("Submitted"), words.moment(tally.created_at)),
        Fact(words("Completed"), settled),
    ]


def sections_of(tally: Tally, words: Words) -> list[Section]:
    """Return the parts of the report: a summary, the durations, what failed, and each result."""
    return [
        Section(words("Summary"), _summary(tally, words), is_whole=True),
        Section(words("Durations"), _durations(tally.seconds, words), is_whole=True),
        Section(words("Failures"), _failures(tally.messages, words)),
        Section(words("Results"), _results(tally, words)),
    ]


def _summary(tally: Tally, words: Words) -> list[Block]:
    counts = [(state, tally.states[state]) for state in STATES]
    if left := tally.states["not finished"]:
        counts.append(("not finished", left))
    bars = bars_of(
        ((words(state), count) for state, count in counts),
        (f"{words.count(count)} ({words.share(count, tally.total)})" for _, count in counts),
    )
    return [Bars(bars)]


def _durations(seconds: list[float], words: Words) -> list[Block]:
    if not seconds:
        return [Paragraph(words("No task was started."))]
    lowest, highest = seconds[0], seconds[-1]
    cuts = quantiles(seconds, n=20, method="inclusive") if len(seconds) > 1 else seconds * 19
    facts = Facts(
        [
            Fact(words("Shortest"), words.seconds(lowest)),
            Fact(words("Median"), words.seconds(cuts[9])),
            Fact(words("95 of 100 took at most"), words.seconds(cuts[18])),
            Fact(words("Longest"), words.seconds(highest)),
            Fact(words("All together"), words.seconds(sum(seconds))),
        ]
    )
    width = (highest - lowest) / BINS
    if not width:
        return [facts]
    counted = Counter(min(int((each - lowest) / width), BINS - 1) for each in seconds)
    bins = [counted[at] for at in range(BINS)]
    bars = bars_of((("", count) for count in bins), map(words.count, bins))
    return [facts, Histogram(bars, words.seconds(lowest), words.seconds(highest))]


def _failures(messages: Counter[str], words: Words) -> list[Block]:
    if not messages:
        return [Paragraph(words("No task has failed."))]
    shown = messages.most_common(MESSAGES_SHOWN_MAX)
    rows = [[message or words("other messages"), words.count(count)] for message, count in shown]
    blocks: list[Block] = [Table([Head(words("Message"), 6), Head(words("Tasks"), 1, "right")], bounded(rows))]
    if len(messages) > len(shown):
        blocks.append(_partly(len(shown), len(messages), words))
    return blocks


def _results(tally: Tally, words: Words) -> list[Block]:
    heads = [
        Head(words("Task"), 2),
        Head(words("State"), 1.3),
        Head(words("Duration"), 1.1, "right"),
        Head(words("Result or message"), 4),
    ]
    table, shown = Table(heads, tally.rows), len(tally.rows)
    return [table] if shown == tally.total else [_partly(shown, tally.total, words), table]


def _row(result: BatchResult, words: Words) -> list[str]:
    state = words(result.state if result.state in STATES else "not finished")
    return [result.title, state, words.seconds(result.run_seconds), _outcome(result, words)]


def _outcome(result: BatchResult, words: Words) -> str:
    if result.error is not None:
        return result.error.message
    if result.result_file is not None:
        return words("a large result, in a file")
    written = bytes(result.result)
    return "" if written == b"null" else written.decode(errors="replace")


def _partly(shown: int, of: int, words: Words) -> Paragraph:
    return Paragraph(words("{} of {} are shown.", words.count(shown), words.count(of)), is_note=True)
