"""The checker can fail: every doctored run is found out, and by the property that it breaks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.lifecycle.schedules import occurrence_task_id
from tests.faults.checker import check
from tests.faults.journal import (
    Answered,
    AnyEntry,
    Began,
    Called,
    Connected,
    Cut,
    Did,
    Ended,
    GaveUp,
    Journal,
    Late,
    Planned,
    Reached,
    Redelivered,
    Said,
    Sampled,
    Scheduled,
    Seen,
    Unanswered,
    read,
)
from tests.faults.observations import Logged, Observations
from tests.faults.schedules import find_violations

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FEATURES = {"keys": True, "cancel": True, "batches": True}

Change = Callable[[Observations], Observations]


def log(sequence: int, of: str, event: str, **data: Any) -> Logged:
    batch = data.pop("batch", None)
    kind = "" if of.startswith("batch") else "instant"
    return Logged(sequence, of, event, kind, NOON + timedelta(seconds=sequence), data, batch)


def queued(sequence: int, of: str, number: int, fence: int = 0, **data: Any) -> Logged:
    return log(sequence, of, "queued", attempt=1, fence=fence, input={"number": number}, **data)


def finished(sequence: int, of: str, outcome: str = "succeeded", **data: Any) -> Logged:
    return log(sequence, of, "finished", attempt=1, outcome=outcome, **data)


def accepted(number: int, subject: str, purpose: str = "submit") -> Answered:
    return Answered(number=number, purpose=purpose, status=202, subject=subject)


RECORDS = [
    queued(1, "one", 1),
    log(2, "one", "started", attempt=1),
    finished(3, "one"),
    queued(4, "one", 1, fence=3),  # run again
    log(5, "one", "started", attempt=1),
    finished(6, "one"),
    # 7 was the queued of `two`, which was cancelled while it waited
    finished(
        8,
        "two",
        "cancelled",
        withdrawn={
            "sequence": 7,
            "at": (NOON + timedelta(seconds=7)).isoformat(),
            "queued": {"attempt": 1, "fence": 0, "input": {"number": 2}},
        },
    ),
    log(9, "batch-3", "created", total=2),
    queued(10, "three", 3, batch="batch-3"),
    queued(11, "four", 3, batch="batch-3"),
    finished(12, "three", batch="batch-3"),
    finished(13, "four", "failed", error={"code": "raised"}, batch="batch-3"),
    log(14, "batch-3", "settled", counts={"succeeded": 1, "failed": 1, "cancelled": 0}),
]
ENTRIES: list[AnyEntry] = [
    Began(
        fault="nothing",
        seed=1,
        tasks=4,
        features=FEATURES,
        calls_once=True,
        answers_within=8.0,
        points=["after-publish"],
    ),
    Planned(number=1, kind="instant", expect=["succeeded"]),
    Planned(number=2, kind="long", expect=["succeeded"]),
    Planned(number=3, kind="instant", expect=["succeeded", "failed:raised"], members=2),
    accepted(1, "one"),
    accepted(2, "two"),
    Answered(number=2, purpose="cancel", status=202, subject="two", state="cancelled"),
    accepted(3, "batch-3", "batch"),
    Connected(client="owner", of="all", after="5-0"),
    *(
        Seen(client="owner", id=f"5-{each.sequence}", event=each.event, task=each.of)
        for each in [*RECORDS, log(7, "two", "queued")]
        if each.kind
    ),
    *(Seen(client="task one", id=f"5-{each.sequence}", event=each.event, task="one") for each in RECORDS[:3]),
    *(Called(task=task, attempt=1, pid=9) for task in ("one", "one", "three", "four")),
    Sampled(process="api-0", pid=8, rss=100 << 20),
    Ended(process="worker-0", pid=9, exit=0, meant=True),
    Reached(point="after-publish"),
]
ENTRIES.sort(key=lambda entry: int(entry.id[2:]) if isinstance(entry, Seen) and entry.client == "owner" else 0)
GOOD = Observations(
    entries=ENTRIES,
    epoch=5,
    records=RECORDS,
    tasks=[
        {"id": "one", "state": "succeeded", "sequence": 6},
        {"id": "two", "state": "cancelled", "sequence": 8},
        {"id": "three", "state": "succeeded", "sequence": 12},
        {"id": "four", "state": "failed", "sequence": 13},
    ],
    batches=[{"id": "batch-3", "state": "settled", "succeeded": 1, "failed": 1, "cancelled": 0}],
    tables={"tasks": ["(one)", "(two)"]},
    replayed={"tasks": ["(one)", "(two)"]},
)


def said(*entries: AnyEntry) -> Change:
    return lambda seen: msgspec.structs.replace(seen, entries=[*seen.entries, *entries])


def unsaid(of: type[AnyEntry], **fields: Any) -> Change:
    def is_it(entry: AnyEntry) -> bool:
        return isinstance(entry, of) and all(getattr(entry, name) == value for name, value in fields.items())

    def change(seen: Observations) -> Observations:
        kept = [entry for entry in seen.entries if not is_it(entry)]
        assert len(kept) < len(seen.entries)
        return msgspec.structs.replace(seen, entries=kept)

    return change


def without(sequence: int) -> Change:
    return lambda seen: msgspec.structs.replace(seen, records=[r for r in seen.records if r.sequence != sequence])


def logged(*records: Logged) -> Change:
    def change(seen: Observations) -> Observations:
        left = [each for each in seen.records if each.sequence not in {record.sequence for record in records}]
        return msgspec.structs.replace(seen, records=sorted([*left, *records], key=lambda each: each.sequence))

    return change


def row(number: int, **fields: Any) -> Change:
    def change(seen: Observations) -> Observations:
        rows = [{**each, **(fields if place == number else {})} for place, each in enumerate(seen.tasks)]
        return msgspec.structs.replace(seen, tasks=rows)

    return change


def put(**fields: Any) -> Change:
    return lambda seen: msgspec.structs.replace(seen, **fields)


SCHEDULED = Scheduled(
    number=1_000_000,
    schedule={
        "id": "s1", "owner": "local", "definition": {"kind": "instant", "input": {}, "every": 10},
        "created_at": NOON.isoformat(), "updated_at": NOON.isoformat(), "position": "5-1",
        "next_at": (NOON + timedelta(seconds=20)).isoformat(),
    },
    asked=(NOON + timedelta(seconds=60)).isoformat(),
    paused=(NOON + timedelta(seconds=60)).isoformat(),
)  # fmt: skip


def of_schedule(sequence: int, task: str) -> Change:
    history = (queued(sequence, task, 1_000_000), finished(sequence + 1, task))
    return logged(*(msgspec.structs.replace(each, schedule="s1") for each in history))


def deleted(sequence: int, of: str, status: int = 204) -> Change:
    """A task is deleted: its events leave the log, its row the read model, and the stream has the deletion."""

    def copy_of(record: Logged) -> dict[str, Any]:
        event = {**record.data, "event": record.event, **({"input": {}} if "input" in record.data else {})}
        event.pop("error", None)
        return {"sequence": record.sequence, "at": record.at.isoformat(), "event": event}

    def change(seen: Observations) -> Observations:
        own = [record for record in seen.records if record.of == of]
        erased = [copy_of(record) for record in own]
        deletion = log(sequence, of, "deleted", attempt=1, outcome="failed", erased=erased, batch=own[0].batch)
        kept = [record for record in seen.records if record.of != of]
        rows = [row for row in seen.tasks if row["id"] != of]
        given = Seen(client="owner", id=f"5-{sequence}", event="deleted", task=of)
        answer = Answered(number=-1, purpose="delete", status=status, subject=of)
        return msgspec.structs.replace(
            seen, records=[*kept, deletion], tasks=rows, entries=[*seen.entries, given, answer]
        )

    return change


def after_deletion(change: Change) -> Change:
    return lambda seen: change(deleted(20, "four")(seen))


DOCTORED: list[tuple[str, Change]] = [
    ("everything came to rest: the stream", said(Late(waited_for="the stream"))),
    ("everything came to rest: invocation 1", said(GaveUp(number=1, purpose="submit"))),
    (
        "the copies of the log are the same: nats-1 has {'messages': 12, 'last_seq': 12}, another {'messages': 13",
        put(copies={"nats-0": {"messages": 13, "last_seq": 14}, "nats-1": {"messages": 12, "last_seq": 12}}),
    ),
    ("every accepted task has a final state: nine was accepted", said(accepted(9, "nine"))),
    ("every accepted task has a final state: one (instant) has not ended", without(6)),
    ("every accepted task has a final state: five (instant) has not ended", logged(queued(20, "five", 1))),
    ("a run has one finish: one has 1 finishes for 2 runs", without(3)),
    ("a run has one finish: one has 3 finishes for 2 runs", logged(finished(20, "one"))),
    ("a run has one finish: one has the fences", logged(queued(4, "one", 1, fence=2))),
    ("an attempt is queued once: one was queued 2 times", logged(queued(20, "one", 1, fence=3))),
    ("an attempt is queued once: one was queued 2 times", lambda seen: said(Redelivered(task="one", sequence=4))(logged(queued(20, "one", 1, fence=3))(seen))),
    ("the read model has what the log says: one is failed by 6", row(0, state="failed")),
    ("the read model has what the log says: one is succeeded by 3", row(0, sequence=3)),
    ("the read model has what the log says: other has a row", row(0, id="other")),
    ("the read model has what the log says: one has no row", row(0, id="other")),
    ("the counts are those of the tasks: counts has", put(miscounted=["counts has 2"])),
    ("the read model is what a replay gives: only in the live tasks: (two)", put(replayed={"tasks": ["(one)"]})),
    ("the read model is what a replay gives: only in the replayed tasks: (two)", put(tables={"tasks": ["(one)"]})),
    ("tasks end as they should: one (instant) ended as failed:timeout", logged(finished(6, "one", "failed", error={"code": "timeout"}))),
    ("tasks end as they should: one (instant) ended as cancelled", logged(finished(6, "one", "cancelled"))),
    ("tasks end as they should: one (instant) ended on attempt 1, not 2", said(Planned(number=1, kind="instant", expect=["succeeded"], attempts=2))),
    (
        "a cancelled task is cancelled: two was cancelled, and its state was said to be 'running'",
        said(Answered(number=2, purpose="cancel", status=200, subject="two", state="running")),
    ),
    ("a cancelled task is cancelled: three was cancelled and ended as succeeded", said(accepted(3, "three", "cancel"))),
    ("a key makes one task: invocation 1 (instant) made 2", logged(queued(20, "five", 1), finished(21, "five"))),
    ("a key makes one task: invocation 1 was told of five, one", said(accepted(1, "five"))),
    ("each occurrence of a schedule submits one task: the schedule every 10 s has no task for 2026-01-01T12:00:20", said(SCHEDULED)),
    ("each occurrence of a schedule submits one task: the schedule every 10 s has five, which is of none", lambda seen: of_schedule(20, "five")(said(SCHEDULED)(seen))),
    ("nothing starts before it is due: one started 8.000 s", logged(queued(1, "one", 1, due_at=(NOON + timedelta(seconds=10)).isoformat()))),
    ("handlers are called once: three was called 2 times", said(Called(task="three", attempt=1, pid=7))),
    ("the api fails with 503 only: 1 answers 500 internal to read", said(Answered(number=-1, purpose="read", status=500, code="internal", expected=False))),
    ("the api fails with 503 only: 1 followers were answered 500", said(Cut(client="task one", why="answered 503"), Cut(client="task one", why="answered 500"))),
    ("answers come in time: read at here took 9.0 s, over 8 s: 503 log_unavailable", said(Answered(number=-1, purpose="read", status=503, code="log_unavailable", to="here", seconds=9.0))),
    ("answers come in time: submit at here took 15.0 s, over 8 s: ReadTimeout('')", said(Unanswered(number=1, purpose="submit", error="ReadTimeout('')", to="here", seconds=15.0))),
    ("answers come in time: the stream of task one was opened or refused after 9.0 s", said(Cut(client="task one", why="answered 503", seconds=9.0))),
    ("the owners stream is the log: owner at here: the stream left out 4, queued", said(Connected(client="owner at here", of="all", after="5-3"))),
    ("the owners stream is the log: the stream left out 5, started", unsaid(Seen, client="owner", id="5-5")),
    ("the owners stream is the log: the stream gave 13 after 13", said(Seen(client="owner", id="5-13", event="finished", task="four"))),
    ("the owners stream is the log: the stream gave 99", said(Seen(client="owner", id="5-99", event="started", task="one"))),
    ("the owners stream is the log: the stream gave finished of four at 3", lambda seen: said(Seen(client="owner", id="5-3", event="finished", task="four"))(unsaid(Seen, client="owner", id="5-3")(seen))),
    ("the owners stream is the log: reset at 5-20", said(Seen(client="owner", id="5-20", event="reset"))),
    ("a tasks stream is its history: one: the stream left out 2", unsaid(Seen, client="task one", id="5-2")),
    ("a tasks stream is its history: the stream of one ended with started", unsaid(Seen, client="task one", id="5-3")),
    ("batches are whole: batch-3 has 1 tasks, not 2", lambda seen: without(10)(without(12)(seen))),
    ("batches are whole: batch-3 has 2 tasks and was never created", without(9)),
    ("batches are whole: batch-9 was accepted and is not", said(accepted(3, "batch-9", "batch"))),
    ("batches are whole: batch-3 has no row", put(batches=[])),
    ("batches are whole: batch-3 counts {'succeeded': 2}", put(batches=[{"id": "batch-3", "succeeded": 2}])),
    ("batches are whole: batch-3 was settled 0 times", without(14)),
    ("batches are whole: batch-3 was settled 2 times", logged(log(15, "batch-3", "settled", counts={"succeeded": 1, "failed": 1}))),
    ("batches are whole: batch-3 was settled with", logged(log(14, "batch-3", "settled", counts={"succeeded": 2}))),
    ("a deleted task is gone: four was said to be deleted, and the log", after_deletion(without(20))),
    ("a deleted task is gone: four was deleted by 20, and the log has 13 finished of it", after_deletion(logged(finished(13, "four", "failed", batch="batch-3")))),
    ("a deleted task is gone: four was deleted by 20 and has a timeline", after_deletion(put(timelines=frozenset({"four"})))),
    ("a deleted task is gone: the stream of task one was answered 404", said(Cut(client="task one", why="answered 404"))),
    ("the read model has what the log says: four was deleted by 20 and has a row by 13", after_deletion(row(2, id="four", sequence=13))),
    ("batches are whole: batch-3 counts {'succeeded': 1}", after_deletion(put(batches=[{"id": "batch-3", "succeeded": 1}]))),
    ("the owners stream is the log: the stream left out 20, deleted", after_deletion(unsaid(Seen, client="owner", id="5-20"))),
    ("the owners stream is the log: the stream gave 21, logged of four", after_deletion(said(Seen(client="owner", id="5-21", event="logged", task="four")))),
    ("tasks end as they should: four (instant) ended as failed, not succeeded", after_deletion(said(Planned(number=3, kind="instant", expect=["succeeded"], members=2)))),
    ("a key makes one task: invocation 1 (instant) made 2", lambda seen: deleted(30, "five")(logged(queued(21, "five", 1), finished(22, "five"))(said(accepted(1, "five"))(seen)))),
    ("memory stays bounded: api-0 grew to 5000 MB", said(Sampled(process="api-0", pid=8, rss=5000 << 20))),
    ("processes end only when made to: worker-0 ended by itself", said(Ended(process="worker-0", pid=9, exit=1, meant=False))),
    ("processes end only when made to: worker-0 ended with 3", said(Ended(process="worker-0", pid=9, exit=3, meant=True))),
    ("processes end only when made to: api-0 logged Traceback", said(Said(process="api-0", pid=8, line="Traceback"))),
    ("the points were reached: no process came to after-publish", unsaid(Reached)),
]  # fmt: skip


def test_the_checker_finds_no_violation_in_a_good_run() -> None:
    assert check(GOOD) == []


@pytest.mark.parametrize(("violation", "change"), DOCTORED, ids=[violation for violation, _ in DOCTORED])
def test_the_checker_finds_each_doctored_run_out(violation: str, change: Change) -> None:
    found = check(change(GOOD))
    assert any(each.startswith(violation) for each in found), found


def test_every_property_of_the_checker_is_broken_by_a_doctored_run() -> None:
    from tests.faults.checker import PROPERTIES

    broken = {violation.partition(":")[0] for violation, _ in DOCTORED}
    assert broken == {each.__name__.replace("_", " ") for each in PROPERTIES}


def test_a_stream_may_have_shown_or_left_out_what_a_cancellation_withdrew_from_the_log() -> None:
    assert check(unsaid(Seen, client="owner", id="5-7")(GOOD)) == []


def test_an_attempt_whose_delivery_was_lost_before_it_was_started_is_queued_again() -> None:
    seen = logged(queued(0, "three", 3, batch="batch-3"))(GOOD)
    assert any(each.startswith("an attempt is queued once: three") for each in check(seen))
    assert check(said(Redelivered(task="three", sequence=0))(seen)) == []


def test_of_deleted_tasks_the_checker_knows_what_their_deletions_say() -> None:
    seen = GOOD
    for sequence, task in enumerate(("one", "two", "four"), 20):
        seen = deleted(sequence, task)(seen)
    assert check(seen) == []
    assert check(unsaid(Seen, client="owner", id="5-11")(seen)) == []
    assert seen.by_number == {1: ["one"], 2: ["two"], 3: ["three", "four"]}


def test_where_retention_removes_a_row_may_be_missing_of_what_is_over_alone() -> None:
    entries = [msgspec.structs.replace(each, removes=True) if isinstance(each, Began) else each for each in ENTRIES]
    seen = msgspec.structs.replace(GOOD, entries=entries, tasks=[], batches=[])
    assert check(seen) == []
    late, early = ((NOON + timedelta(seconds=second)).timestamp() for second in (15, 13))
    assert check(said(Cut(client="batch batch-3", why="answered 404", wall=late))(seen)) == []
    assert check(said(Cut(client="batch batch-3", why="answered 404", wall=early))(seen)) != []
    found = check(without(6)(seen))
    assert "the read model has what the log says: one has no row" in found


def test_a_deletion_that_nobody_was_told_of_may_leave_some_of_its_task_in_the_log() -> None:
    seen = deleted(20, "four", status=503)(GOOD)
    left = finished(13, "four", "failed", error={"code": "raised"}, batch="batch-3")
    assert check(logged(left)(seen)) == []


def test_an_occurrence_may_have_no_task_while_the_broker_was_away_or_the_schedule_was_being_paused() -> None:
    def did(action: str, second: int) -> Did:
        return Did(action=action, wall=(NOON + timedelta(seconds=second)).timestamp())

    times = (20, 30, 40)  # of the others, 50 is in flight when the schedule is paused
    done = [of_schedule(20 + second, occurrence_task_id("s1", NOON + timedelta(seconds=second))) for second in times]
    seen = msgspec.structs.replace(GOOD, entries=[SCHEDULED], records=[])
    for change in done[::2]:
        seen = change(seen)
    excused = said(
        did("kill -9 nats", 29), did("nats works again", 31), did("TERM nats", 49), did("nats works again", 50)
    )
    assert len(list(find_violations(seen))) == 2
    assert list(find_violations(excused(seen))) == []


def test_a_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    with Journal(file) as journal:
        for entry in ENTRIES:
            journal.note(entry)
        journal.did("something")
    *entries, did = read(file)
    assert entries == ENTRIES
    assert isinstance(did, Did)
