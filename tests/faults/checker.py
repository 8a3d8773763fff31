"""What has to hold after a run, whatever the fault was: each property is a function from observations to violations.

A property says in its name what holds, and in a violation which task, batch, process or sequence it does not hold for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.faults import deletions, schedules
from tests.faults.followers import ANSWERED, OWNER
from tests.faults.journal import (
    Answered,
    Began,
    Called,
    Connected,
    Cut,
    Ended,
    GaveUp,
    Late,
    Planned,
    Reached,
    Redelivered,
    Said,
    Sampled,
    Seen,
    Unanswered,
)
from tests.faults.observations import Logged, Observations

# Thrice what they hold at rest; that of Postgres is what its processes do not share. NATS keeps what was last written and read
# in memory: with inputs and results as large as a message may be, 492 MB were seen.
MEMORY_BYTES_MAX = {
    "api": 220 << 20,
    "worker": 160 << 20,
    "projector": 160 << 20,
    "nats": 768 << 20,
    "postgres": 120 << 20,
}
EARLY_SECONDS = 0.001  # a clock that is read twice
FINAL = frozenset({"succeeded", "failed", "cancelled"})
NO_RECORDS = frozenset({"", "beat"})  # what a stream says beside the log: where it stands, and that it is still there
SHOWN = 4  # of one property's violations; the rest is counted

Property = Callable[[Observations], Iterator[str]]
PROPERTIES: list[Property] = []


def check(seen: Observations, more: Iterable[Property] = ()) -> list[str]:
    """Every violation, as ``<property>: <what>``; ``more`` are properties beside those that always have to hold."""
    found: list[str] = []
    for each in (*PROPERTIES, *more):
        name = each.__name__.replace("_", " ")
        violations = list(each(seen))
        found += [f"{name}: {what}" for what in violations[:SHOWN]]
        if len(violations) > SHOWN:
            found.append(f"{name}: and {len(violations) - SHOWN} more")
    return found


def holds(of: Property) -> Property:
    """Have a property checked."""
    PROPERTIES.append(of)
    return of


@holds
def everything_came_to_rest(seen: Observations) -> Iterator[str]:
    """All tasks ended, the read model and the followers caught up, every client was answered, in time."""
    for late in seen.all(Late):
        yield late.waited_for
    for gave_up in seen.all(GaveUp):
        yield f"invocation {gave_up.number} ({gave_up.purpose}) was never answered"


@holds
def the_copies_of_the_log_are_the_same(seen: Observations) -> Iterator[str]:
    """Every server has as much of the log as the others."""
    fullest = max(seen.copies.values(), key=lambda copy: copy["last_seq"], default={})
    for name, copy in seen.copies.items():
        if copy != fullest:
            yield f"{name} has {copy}, another {fullest}"


@holds
def every_accepted_task_has_a_final_state(seen: Observations) -> Iterator[str]:
    """Accepted, so it is in the log and has ended; and whatever is in the log has ended, though nobody was told."""
    for task in _accepted(seen):
        if task not in seen.histories:
            yield f"{task} was accepted and is not in the log"
    for task, history in seen.histories.items():
        if _end(history) is None:
            yield f"{task} ({history[0].kind}) has not ended; its last event is {history[-1].event}"


@holds
def a_run_has_one_finish(seen: Observations) -> Iterator[str]:
    """As many finishes as fences, and each fence is the finish before."""
    for task, history in seen.histories.items():
        fences = list(dict.fromkeys(record.data["fence"] for record in history if "fence" in record.data))
        finishes = [record.sequence for record in history if record.event == "finished"]
        if len(finishes) != len(fences):
            yield f"{task} has {len(finishes)} finishes for {len(fences)} runs: {_short(history)}"
        elif fences != [0, *finishes[:-1]]:
            yield f"{task} has the fences {fences} and the finishes {finishes}"


@holds
def an_attempt_is_queued_once(seen: Observations) -> Iterator[str]:
    """A crash while a retry is set up does not set it up twice. What was lost before it was started is queued once more."""
    lost = {(each.task, each.sequence) for each in seen.all(Redelivered)}
    for task, history in seen.histories.items():
        never_ran = {before.sequence for before, after in pairwise(history) if after.event == "queued"}
        queued = Counter(
            (each.data["fence"], each.data["attempt"])
            for each in history
            if each.event == "queued" and not (each.sequence in never_ran and (task, each.sequence) in lost)
        )
        for (fence, attempt), times in queued.items():
            if times > 1:
                yield f"{task} was queued {times} times for attempt {attempt} after {fence}: {_short(history)}"


@holds
def the_read_model_has_what_the_log_says(seen: Observations) -> Iterator[str]:
    """A row for every task of the log and no other, with the state of its last finish."""
    rows = {row["id"]: row for row in seen.tasks}
    for task, history in seen.histories.items():
        row = rows.pop(task, None)
        finish = _end(history)
        if task in seen.deleted:
            if row is not None:
                yield f"{task} was deleted by {seen.deleted[task]} and has a row by {row['sequence']}"
        elif row is None:
            if finish is None or not _began(seen).removes:
                yield f"{task} has no row"
        elif finish is not None and (row["state"], row["sequence"]) != (finish.data["outcome"], finish.sequence):
            yield (
                f"{task} is {row['state']} by {row['sequence']} in the read model, "
                f"and {finish.data['outcome']} by {finish.sequence} in the log"
            )
    for task in rows:
        yield f"{task} has a row and is not in the log"


@holds
def the_counts_are_those_of_the_tasks(seen: Observations) -> Iterator[str]:
    """Of each owner, kind and state, and of failures that are alike; also those of all owners."""
    yield from seen.miscounted


@holds
def the_read_model_is_what_a_replay_gives(seen: Observations) -> Iterator[str]:
    """The same rows, table by table."""
    if seen.replayed is None:
        return
    for table in sorted(seen.tables.keys() | seen.replayed.keys()):
        live, replayed = Counter(seen.tables.get(table, ())), Counter(seen.replayed.get(table, ()))
        for row in (live - replayed).elements():
            yield f"only in the live {table}: {row[:600]}"
        for row in (replayed - live).elements():
            yield f"only in the replayed {table}: {row[:600]}"


@holds
def tasks_end_as_they_should(seen: Observations) -> Iterator[str]:
    """With the outcome, and on the attempt, that the kind gives; cancelled when the cancellation was accepted."""
    allowed = {f"failed:{code}" for code in _began(seen).allows}
    cancelled = _cancelled(seen)
    cancelled_batches = {answer.subject for answer in _successes(seen, "cancel_batch")}
    for planned in seen.all(Planned):
        for task in seen.by_number.get(planned.number, ()):
            history = seen.histories[task]
            finish = _end(history)
            if finish is None or task in cancelled:
                continue
            outcome = _outcome(finish)
            if outcome == "cancelled" and (history[0].batch in cancelled_batches or _asked_to_cancel(seen, planned)):
                continue
            expect = planned.expect if not finish.withdrawn else _without_codes(planned.expect)
            if outcome not in expect and outcome not in (allowed if not finish.withdrawn else _without_codes(allowed)):
                yield f"{task} ({planned.kind}) ended as {outcome}, not {' or '.join(planned.expect)}: {_why(finish)}"
            elif outcome in expect and finish.data["attempt"] != planned.attempts:
                yield f"{task} ({planned.kind}) ended on attempt {finish.data['attempt']}, not {planned.attempts}"


@holds
def a_cancelled_task_is_cancelled(seen: Observations) -> Iterator[str]:
    """A cancellation that was accepted is the task's end, and the answer says so."""
    for answer in _successes(seen, "cancel"):
        if answer.state != "cancelled":
            yield f"{answer.subject} was cancelled, and its state was said to be {answer.state!r}"
        finish = _end(seen.histories.get(answer.subject, []))
        if finish is not None and finish.data["outcome"] != "cancelled":
            yield f"{answer.subject} was cancelled and ended as {_outcome(finish)}: {_short(seen.histories[answer.subject])}"


@holds
def a_key_makes_one_task(seen: Observations) -> Iterator[str]:
    """However often a submission with a key is sent, whether or not it is answered, there is one task, or one batch."""
    if not _began(seen).features.get("keys"):
        return
    told: dict[int, set[str]] = defaultdict(set)
    for answer in (*_successes(seen, "submit"), *_successes(seen, "batch")):
        told[answer.number].add(answer.subject)
    for planned in seen.all(Planned):
        tasks = seen.by_number.get(planned.number, []) if not planned.schedule else []
        if planned.members:
            tasks = list({str(seen.histories[task][0].batch) for task in tasks})
        if len(tasks) > 1:
            yield f"invocation {planned.number} ({planned.kind}) made {len(tasks)}: {', '.join(tasks[:3])}"
        if len(told[planned.number]) > 1:
            yield f"invocation {planned.number} was told of {', '.join(sorted(told[planned.number]))}"


@holds
def each_occurrence_of_a_schedule_submits_one_task(seen: Observations) -> Iterator[str]:
    """None is lost beyond what an outage of the broker excuses, and none is submitted that is not due."""
    yield from schedules.find_violations(seen)


@holds
def nothing_starts_before_it_is_due(seen: Observations) -> Iterator[str]:
    """Neither a delayed task nor a retry."""
    for task, history in seen.histories.items():
        due: dict[int, datetime] = {}  # by attempt: a worker that was given up may still be at the one before
        for record in history:
            attempt = record.data.get("attempt", 0)
            if record.event in ("queued", "deferred") and record.data.get("due_at"):
                due[attempt] = datetime.fromisoformat(record.data["due_at"])
            elif record.event == "finished":
                due.clear()
            elif record.event == "started" and attempt in due:
                early = (due[attempt] - record.at).total_seconds()
                if early > EARLY_SECONDS:
                    yield f"{task} started {early:.3f} s before it was due: {_short(history)}"


@holds
def handlers_are_called_once(seen: Observations) -> Iterator[str]:
    """Once an attempt, where nothing happened to a worker."""
    if not _began(seen).calls_once:
        return
    runs = {task: sum(record.event == "finished" for record in history) for task, history in seen.histories.items()}
    for (task, attempt), times in Counter((call.task, call.attempt) for call in seen.all(Called)).items():
        if times > max(1, runs.get(task, 1)):
            yield f"{task} was called {times} times for attempt {attempt}: {_short(seen.histories.get(task, []))}"


@holds
def the_api_fails_with_503_only(seen: Observations) -> Iterator[str]:
    """No other 5xx, and no refusal of what is in order."""
    unexpected = Counter(
        (answer.purpose, answer.status, answer.code) for answer in seen.all(Answered) if not answer.expected
    )
    for (purpose, status, code), times in unexpected.items():
        yield f"{times} answers {status} {code} to {purpose}"
    # A follower that is over its task is answered 204 or 404, and one that cannot be served is told when to come back.
    for why, times in Counter(cut.why for cut in seen.all(Cut) if cut.why.startswith(f"{ANSWERED}5")).items():
        if why != f"{ANSWERED}503":
            yield f"{times} followers were {why}"


@holds
def answers_come_in_time(seen: Observations) -> Iterator[str]:
    """Whatever is cut off, an API that runs answers within its bound. Who asks to wait is not counted."""
    bound = _began(seen).answers_within
    if bound is None:
        return
    for each in (*seen.all(Answered), *seen.all(Unanswered)):
        if each.purpose != "wait" and each.seconds > bound:
            how = each.error if isinstance(each, Unanswered) else f"{each.status} {each.code}".strip()
            yield f"{each.purpose} at {each.to} took {each.seconds:.1f} s, over {bound:g} s: {how}"
    for each in (*seen.all(Connected), *seen.all(Cut)):
        if each.seconds > bound:
            yield f"the stream of {each.client} was opened or refused after {each.seconds:.1f} s, over {bound:g} s"


@holds
def the_owners_stream_is_the_log(seen: Observations) -> Iterator[str]:
    """Across all connections of each who follows it: every event once, in order."""
    if _began(seen).loses_log:
        return
    begun: dict[str, str | None] = {}
    for each in seen.all(Connected):
        if each.client.startswith(OWNER):
            begun.setdefault(each.client, each.after)
    for client, after in begun.items():
        where = "" if client == OWNER else f"{client}: "
        view = [each for each in seen.all(Seen) if each.client == client and each.event not in NO_RECORDS]
        for reset in (each for each in view if each.event == "reset"):
            yield f"{where}reset at {reset.id}: {reset.data.get('reason')}"
        start = int(after.partition("-")[2]) if after else 0
        log = [record for record in seen.records if record.kind and record.sequence > start]
        yield from (where + what for what in _compare(view, log, seen))


@holds
def a_tasks_stream_is_its_history(seen: Observations) -> Iterator[str]:
    """From its first event to its finish. A worker that was given up for lost may append `started` after that."""
    if _began(seen).loses_log:
        return
    views: dict[str, list[Seen]] = defaultdict(list)
    for each in seen.all(Seen):
        if each.client.startswith("task ") and each.event not in NO_RECORDS:
            views[each.client.removeprefix("task ")].append(each)
    for task, view in views.items():
        latest_run = max((at for at, each in enumerate(view) if each.event in ("queued", "deferred")), default=0)
        if task not in seen.deleted and "finished" not in {each.event for each in view[latest_run:]}:
            yield f"the stream of {task} ended with {view[-1].event}"
            continue
        end = _sequence(view[-1])
        log = [record for record in seen.histories.get(task, ()) if record.sequence <= end and not record.withdrawn]
        yield from (f"{task}: {what}" for what in _compare(view, log, seen))


@holds
def batches_are_whole(seen: Observations) -> Iterator[str]:
    """All of a batch's tasks, or none of it; and its counts are those of its tasks."""
    members: dict[str, list[list[Logged]]] = defaultdict(list)
    for history in seen.histories.values():
        if history[0].batch:
            members[history[0].batch].append(history)
    created = {record.of: record for record in seen.records if not record.kind and record.event == "created"}
    for batch, record in created.items():
        if len(members[batch]) != record.data["total"]:
            yield f"{batch} has {len(members[batch])} tasks, not {record.data['total']}"
    for batch in members.keys() - created.keys():
        yield f"{batch} has {len(members[batch])} tasks and was never created"
    for answer in _successes(seen, "batch"):
        if answer.subject not in created:
            yield f"{answer.subject} was accepted and is not in the log"
    yield from _counts(seen, members)


def _counts(seen: Observations, members: dict[str, list[list[Logged]]]) -> Iterator[str]:
    rows = {row["id"]: row for row in seen.batches}
    for batch, histories in members.items():
        ends = map(_end, histories)
        real = Counter("open" if end is None else str(end.data["outcome"]) for end in ends)
        row = rows.get(batch)
        if row is None:
            if not _began(seen).removes:
                yield f"{batch} has no row"
            continue
        counted = {state: row[state] for state in ("pending", "queued", "running", *sorted(FINAL)) if row.get(state)}
        if counted != dict(real):
            yield f"{batch} counts {counted} in the read model, and {dict(real)} in the log"
        settled = [record for record in seen.records if record.of == batch and record.event == "settled"]
        settlings = _settlings(histories)
        if not 1 <= len(settled) <= settlings:
            yield f"{batch} was settled {len(settled)} times; its tasks were all final {settlings} times"
        elif {name: count for name, count in settled[-1].data["counts"].items() if count} != dict(real):
            yield f"{batch} was settled with {settled[-1].data['counts']}, and has {dict(real)}"


@holds
def a_deleted_task_is_gone(seen: Observations) -> Iterator[str]:
    """The log has its deletion and nothing else of it, the read model nothing, and only its stream is refused."""
    yield from deletions.find_violations(seen)


@holds
def memory_stays_bounded(seen: Observations) -> Iterator[str]:
    """No process grew beyond what its kind of process may take."""
    most: dict[str, int] = defaultdict(int)
    for sample in seen.all(Sampled):
        most[sample.process] = max(most[sample.process], sample.rss)
    for process, rss in most.items():
        bound = MEMORY_BYTES_MAX[process.partition("-")[0]]
        if rss > bound:
            yield f"{process} grew to {rss >> 20} MB, over {bound >> 20} MB"


@holds
def processes_end_only_when_made_to(seen: Observations) -> Iterator[str]:
    """None ends by itself, none logs an exception that nobody caught, and those told to stop say that all is well."""
    for ended in seen.all(Ended):
        if not ended.meant and "process_ends" not in _began(seen).allows:
            yield f"{ended.process} ended by itself with {ended.exit}: {ended.tail[-300:]}"
        elif ended.exit not in (0, -9) and "process_ends" not in _began(seen).allows:
            yield f"{ended.process} ended with {ended.exit}: {ended.tail[-300:]}"
    for said in seen.all(Said):
        yield f"{said.process} logged {said.line[-1500:]}"


@holds
def the_points_were_reached(seen: Observations) -> Iterator[str]:
    """A fault that did not happen shows nothing."""
    reached = {each.point for each in seen.all(Reached)}
    for point in _began(seen).points:
        if point not in reached:
            yield f"no process came to {point}"


def _compare(view: list[Seen], log: list[Logged], seen: Observations) -> Iterator[str]:
    """What a client saw beside what the log has. What has left the log may have been seen, or not."""
    view = [each for each in view if each.event != "reset"]
    sequences = [_sequence(each) for each in view]
    for before, after in pairwise(sequences):
        if after <= before:
            yield f"the stream gave {after} after {before}"
    there = {record.sequence: record for record in log}
    seen_sequences = set(sequences)
    for sequence, record in there.items():
        if sequence not in seen_sequences:
            yield f"the stream left out {sequence}, {record.event} of {record.of}"
    for each, sequence in zip(view, sequences, strict=True):
        record = there.get(sequence)
        if record is None:
            if sequence not in seen.withdrawn and sequence > seen.deleted.get(each.task, 0):
                yield f"the stream gave {sequence}, {each.event} of {each.task}, which the log does not have"
        elif (record.event, record.of) != (each.event, each.task):
            yield f"the stream gave {each.event} of {each.task} at {sequence}, where the log has {record.event} of {record.of}"


def _settlings(histories: list[list[Logged]]) -> int:
    """How often all tasks were final, going through the log."""
    events = sorted(
        ((record.sequence, number, record.event) for number, history in enumerate(histories) for record in history)
    )
    final: set[int] = set()
    times = 0
    for _, number, event in events:
        if event == "finished" and number not in final:
            final.add(number)
            times += len(final) == len(histories)
        elif event in ("queued", "deferred"):
            final.discard(number)
    return times


def _began(seen: Observations) -> Began:
    (began,) = seen.all(Began)
    return began


def _successes(seen: Observations, purpose: str) -> list[Answered]:
    return [each for each in seen.all(Answered) if each.purpose == purpose and each.status in (200, 202)]


def _accepted(seen: Observations) -> list[str]:
    return [answer.subject for answer in _successes(seen, "submit")]


def _cancelled(seen: Observations) -> set[str]:
    return {answer.subject for answer in _successes(seen, "cancel")}


def _asked_to_cancel(seen: Observations, planned: Planned) -> bool:
    return any(each.number == planned.number and each.purpose == "cancel" for each in seen.all(Answered)) or any(
        each.number == planned.number and each.purpose == "cancel" for each in seen.all(GaveUp)
    )


def _end(history: list[Logged]) -> Logged | None:
    """The finish of a task's last run, if it has ended."""
    fence = max((record.data["fence"] for record in history if "fence" in record.data), default=0)
    return next((record for record in history if record.event == "finished" and record.sequence > fence), None)


def _outcome(finish: Logged) -> str:
    code = (finish.data.get("error") or {}).get("code")
    return f"{finish.data['outcome']}:{code}" if code else finish.data["outcome"]


def _without_codes(outcomes: Iterable[str]) -> set[str]:
    """A deletion keeps the outcomes of runs, and not their errors."""
    return {outcome.partition(":")[0] for outcome in outcomes}


def _why(finish: Logged) -> str:
    return str((finish.data.get("error") or {}).get("message", ""))[:200]


def _short(history: list[Logged]) -> str:
    def of(record: Logged) -> str:
        said: Any = record.data.get("outcome") or record.data.get("attempt") or ""
        return f"{record.sequence} {record.event} {said}".strip()

    shown = [of(record) for record in history if record.event not in ("progressed", "logged", "emitted")]
    return "; ".join(shown[:12])


def _sequence(each: Seen) -> int:
    return int(each.id.partition("-")[2])
