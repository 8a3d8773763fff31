"""Rows of tasks of which every filter selects some, and the filter as a plain predicate over them."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from hypothesis import strategies as st

from headrace.contracts.filters import Filter
from headrace.contracts.labels import label_entries
from headrace.contracts.tasks import FailureCode, State
from headrace.contracts.titles import short_id
from headrace.store.tables import EVERYBODY, BatchRow, TaskRow
from headrace.store.title_words import MARKS
from tests.unit.store.test_projection import AT, row

OWNERS, KINDS, BATCHES, SCHEDULES = ("u1", "u2"), ("echo", "other"), (None, "b1", "b2"), (None, "s1")
FINGERPRINTS = ("0123456789abcdef", "fedcba9876543210")
CODES = (FailureCode.RAISED, FailureCode.TIMEOUT)
LABELS: tuple[dict[str, str], ...] = ({}, {"customer": "42"}, {"customer": "42", "env": "a=b"}, {"env": "prod"})
WORDS = (
    "Essay",
    "essays",
    "4e9b",
    "4",
    "report-2026.pdf",
    "Österreich",
    "ÖSTERREICH",
    "漢字",
    "“quoted”",
    "it's",
    "a\\b",
    "x:y&z|!",
    "100%",
)
SPAN = 60  # seconds in which all of it happens; many tasks are of the same second


def at(seconds: int) -> datetime:
    return AT + timedelta(seconds=seconds)


def make_rows(number: int) -> list[TaskRow]:
    drawn = random.Random(7)
    return [_make_row(n, drawn) for n in range(number)]


def _make_row(n: int, drawn: random.Random) -> TaskRow:
    state = drawn.choice(list(State))
    code = drawn.choice(CODES) if state is State.FAILED or drawn.random() < 0.1 else None
    batch = drawn.choice(BATCHES)
    owner, kind = drawn.choice(OWNERS), drawn.choice(KINDS)
    if batch is not None:
        # All tasks of a batch have its owner and its kind.
        owner, kind = ("u1", "echo") if batch == "b1" else ("u2", "other")
    return row(
        n + 1,
        id=f"01980f70-{drawn.randrange(16**4):04x}-7000-8000-{drawn.randrange(16**12):012x}",
        owner=owner,
        kind=kind,
        batch=batch,
        schedule=drawn.choice(SCHEDULES),
        state=state,
        title=" ".join(drawn.choices(WORDS, k=drawn.randrange(4))),
        labels=label_entries(drawn.choice(LABELS)),
        code=code,
        error=None if code is None else f'{{"code": "{code}", "message": "a\\u0000b"}}',
        fingerprint=None if code is None else FINGERPRINTS[CODES.index(code)],
        created_at=at(drawn.randrange(SPAN)),
        finished_at=at(drawn.randrange(SPAN)) if state.final else None,
        wait_seconds=drawn.choice((None, 0.0, 1.5, 3.0)),
        run_seconds=drawn.choice((None, 0.0, 0.5, 2.0)) if state.final else None,
    )


def make_batches() -> list[BatchRow]:
    common = {"name": None, "priority": "low", "total": 9, "state": "open", "created_at": AT, "epoch": 1, "sequence": 1}
    return [BatchRow(id="b1", owner="u1", kind="echo", **common), BatchRow(id="b2", owner="u2", kind="other", **common)]  # pyright: ignore[reportArgumentType]


def filters_for(rows: list[TaskRow]) -> st.SearchStrategy[Filter]:
    """Filters that select some of the rows, or nothing, because they name what does not exist."""
    times = st.none() | st.integers(0, SPAN).map(at)
    seconds = st.none() | st.sampled_from((0.0, 0.5, 1.9, 99.0))
    ids = st.sampled_from(rows).map(lambda each: each.id)
    searches = st.lists(st.sampled_from((*WORDS, "ess", "öster", "42", "nothing", "!")), max_size=3).map(" ".join)
    return st.builds(
        Filter,
        state=st.lists(st.sampled_from(State), max_size=3),
        kind=st.lists(st.sampled_from((*KINDS, "none")), max_size=2),
        code=st.lists(st.sampled_from(FailureCode), max_size=2),
        batch=st.sampled_from((*BATCHES, None, "none")),
        schedule=st.sampled_from((*SCHEDULES, None, "none")),
        fingerprint=st.sampled_from((None, None, *FINGERPRINTS)),
        q=st.none() | searches | ids | ids.map(short_id) | ids.map(lambda each: each[-7:]),
        labels=st.sampled_from((*LABELS, {"customer": "4"})),
        created_from=times,
        created_before=times,
        finished_from=times,
        finished_before=times,
        slower_than=seconds,
        waited_longer_than=seconds,
    )


def one_or_two_fields(whole: Filter, fields: list[str]) -> Filter:
    """Return a filter with some of the fields of another one: of those with all of them, most select nothing."""
    return Filter(**{name: getattr(whole, name) for name in fields})


def selects(owner: str, wanted: Filter, task: TaskRow) -> bool:
    """Whether a filter selects a task."""
    entries = label_entries(wanted.labels)
    failed_alike = task.fingerprint == wanted.fingerprint and task.state == State.FAILED
    return (
        owner in (EVERYBODY, task.owner)
        and (not wanted.state or task.state in wanted.state)
        and (not wanted.kind or task.kind in wanted.kind)
        and (not wanted.code or task.code in wanted.code)
        and wanted.batch in (None, task.batch)
        and wanted.schedule in (None, task.schedule)
        and (wanted.fingerprint is None or failed_alike)
        and all(entry in task.labels for entry in entries)
        and _is_between(wanted.created_from, task.created_at, wanted.created_before)
        and _is_between(wanted.finished_from, task.finished_at, wanted.finished_before)
        and _is_longer(task.run_seconds, wanted.slower_than)
        and _is_longer(task.wait_seconds, wanted.waited_longer_than)
        and _is_found(wanted.q, task)
    )


def _is_between(since: datetime | None, instant: datetime | None, before: datetime | None) -> bool:
    if since is None and before is None:
        return True
    return instant is not None and (since is None or instant >= since) and (before is None or instant < before)


def _is_longer(known: float | None, than: float | None) -> bool:
    return than is None or (known is not None and known > than)


def _is_found(text: str | None, task: TaskRow) -> bool:
    if text is None or not text.strip():
        return True
    sought, words = _words(text), _words(f"{task.title} {task.id[-12:]}")
    by_words = (
        bool(sought)
        and all(word in words for word in sought[:-1])
        and any(word.startswith(sought[-1]) for word in words)
    )
    return by_words or text.strip() == task.id


def _words(text: str) -> list[str]:
    return "".join(" " if each in MARKS else each for each in text).lower().split()
