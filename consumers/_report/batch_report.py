"""The report about a batch, from its tasks."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from statistics import quantiles

from consumers._report.document import (
    TABLE_ROWS_MAX,
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
from consumers._report.words import Words
from headrace.task import PastBatch, PastTask

BINS = 20
STATES = ("succeeded", "failed", "cancelled")
MESSAGES_MAX = 1_000  # different ones that are counted
MESSAGES_SHOWN_MAX = 10


class Tally:
    """What is counted of a batch while its tasks are read once; memory is bounded by what a batch may have.

    Attributes:
        first: The first tasks in the order in which they were submitted.
        ended: How many tasks have ended.
        states: How many are in each state.
        messages: How many tasks failed with each message; those beyond `MESSAGES_MAX` have none.
        seconds: How long each ran, in order.
    """

    def __init__(self, tasks: Iterable[PastTask]) -> None:
        self.ended = 0
        self.states: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.first = heapq.nsmallest(TABLE_ROWS_MAX, self._count(tasks), key=_place)
        self.seconds.sort()

    def _count(self, tasks: Iterable[PastTask]) -> Iterator[PastTask]:
        for task in tasks:
            self.ended += 1
            self.states[task.state] += 1
            if task.run_seconds is not None:
                self.seconds.append(task.run_seconds)
            if task.error is not None:
                message = clean(task.error.message)
                known = message in self.messages or len(self.messages) < MESSAGES_MAX
                self.messages[message if known else ""] += 1
            yield task


def facts_of(batch: PastBatch, words: Words) -> list[Fact]:
    """Return what the title page says of the batch."""
    settled = words.moment(batch.settled_at) or words("not completed yet")
    return [
        Fact(words("Kind"), batch.kind),
        Fact(words("Tasks"), words.count(batch.total)),
        Fact(words("Submitted"), words.moment(batch.created_at)),
        Fact(words("Completed"), settled),
    ]


def sections_of(batch: PastBatch, tally: Tally, words: Words) -> list[Section]:
    """Return the parts of the report: a summary, the durations, what failed, and each result."""
    return [
        Section(words("Summary"), _summary(batch, tally, words), is_whole=True),
        Section(words("Durations"), _durations(tally.seconds, words), is_whole=True),
        Section(words("Failures"), _failures(tally.messages, words)),
        Section(words("Results"), _results(tally, words)),
    ]


def _summary(batch: PastBatch, tally: Tally, words: Words) -> list[Block]:
    counts = [(state, tally.states[state]) for state in STATES]
    if left := max(0, batch.total - tally.ended):
        # All tasks of a batch that is complete have ended; what is not in the log was deleted since.
        counts.append(("not finished" if batch.settled_at is None else "not in the log any more", left))
    bars = bars_of(
        ((words(state), count) for state, count in counts),
        (f"{words.count(count)} ({words.share(count, batch.total)})" for _, count in counts),
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
    if not tally.first:
        return [Paragraph(words("No task has ended yet."))]
    heads = [
        Head(words("Task"), 2),
        Head(words("State"), 1.3),
        Head(words("Duration"), 1.1, "right"),
        Head(words("Result or message"), 4),
    ]
    rows = bounded(_row(each, words) for each in tally.first)
    table = Table(heads, rows)
    return [table] if len(rows) == tally.ended else [_partly(len(rows), tally.ended, words), table]


def _row(task: PastTask, words: Words) -> list[str]:
    return [task.title, words(task.state), words.seconds(task.run_seconds), _outcome(task, words)]


def _outcome(task: PastTask, words: Words) -> str:
    if task.error is not None:
        return task.error.message
    result = bytes(task.result)
    if result != b"null":
        return result.decode(errors="replace")
    return words("a result of {} bytes", words.count(task.result_bytes)) if task.result_bytes > len(result) else ""


def _partly(shown: int, of: int, words: Words) -> Paragraph:
    return Paragraph(words("{} of {} are shown.", words.count(shown), words.count(of)), is_note=True)


def _place(task: PastTask) -> tuple[int, str]:
    """Return where a task stands in its batch, whose tasks are numbered at the end of their ids."""
    number = task.id.rpartition("-")[2]
    return (int(number) if number.isdecimal() else 0, task.id)
