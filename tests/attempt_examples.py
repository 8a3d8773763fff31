"""Timelines and the attempts they tell of, which the fold of the web app is held against."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from headrace.contracts.tasks import TimelineEntry
from headrace.lifecycle.attempts import fold_attempts

TIMELINES = 60
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
RAISED = {"code": "raised", "message": "no", "traceback": None}
LOST = {"code": "worker_lost", "message": "gone", "traceback": None}


def attempt_examples() -> str:
    """Timelines of all sorts, some with events that come twice, late, or not at all, each with its attempts, as JSON."""
    chance = random.Random(20300101)
    made = [_example(chance) for _ in range(TIMELINES)]
    return "[\n" + ",\n".join(msgspec.json.encode(each).decode() for each in made) + "\n]\n"


def _example(chance: random.Random) -> dict[str, Any]:
    history = _history(chance)
    for _ in range(chance.randint(0, 2)):
        at = chance.randrange(len(history))
        match chance.randrange(3):
            case 0:
                del history[at : at + 1 if len(history) > 1 else at]
            case 1:
                history.insert(chance.randrange(at, len(history)) + 1, history[at])
            case _:
                history.append(history.pop(at))
    entries = [
        TimelineEntry(
            position=f"1-{sequence}",
            event=event,
            at=BEGIN + timedelta(seconds=sequence * 1.25 + chance.choice([0, 0, -2])),
            attempt=attempt,
            data=msgspec.Raw(msgspec.json.encode(data)),
        )
        for sequence, (event, attempt, data) in enumerate(history, 1)
    ]
    return {"timeline": entries, "attempts": fold_attempts(entries).attempts}


def _history(chance: random.Random) -> list[tuple[str, int, dict[str, Any]]]:
    """What a task goes through when nothing comes late."""
    told: list[tuple[str, int, dict[str, Any]]] = []
    fence = 0
    for _run in range(chance.choice([1, 1, 2, 3])):
        attempt = 1
        if chance.random() < 0.2:
            told.append(("deferred", 1, {"fence": fence, "due_at": _after(told, 2)}))
        while True:
            due = {"due_at": _after(told, chance.choice([0, 1, 3]))} if chance.random() < 0.4 else {}
            told.append(("queued", attempt, {"fence": fence, **due}))
            for delivered in range(1, chance.choice([1, 1, 1, 2, 3]) + 1):
                measured = {"queued_seconds": chance.choice([None, 0.5, -1.0, 2.25])}
                told.append(("started", attempt, {"worker": f"w{delivered}", "delivered": delivered, **measured}))
            if attempt == 3 or chance.random() < 0.5:
                break
            attempt += 1
            error = chance.choice([RAISED, LOST])
            told.append(("deferred", attempt, {"fence": fence, "due_at": _after(told, 2), "error": error}))
        if chance.random() < 0.3:
            told.append(
                (
                    "stored",
                    attempt,
                    {"file": "f", "key": "k", "name": "n", "size": 1, "media_type": "m", "checksum": "c"},
                )
            )
        outcome = chance.choice(["succeeded", "failed", "cancelled"])
        error = {"error": chance.choice([RAISED, LOST])} if outcome == "failed" else {}
        told.append(("finished", attempt, {"outcome": outcome, "run_seconds": chance.choice([None, 1.5]), **error}))
        fence = len(told)
    return told


def _after(told: list[tuple[str, int, dict[str, Any]]], seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=(len(told) + 1) * 1.25 + seconds)
