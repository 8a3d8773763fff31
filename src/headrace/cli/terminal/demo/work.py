"""The work of `headrace demo`: texts, tables and steps with titles that a person could have given them. The same each time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import count
from typing import Any

from msgspec import Struct

from headrace.contracts.schedules import ScheduleDefinition
from headrace.contracts.tasks import Priority

TEXTS, TABLES, STEPS = "text_feedback", "table_profile", "demo_steps"
KINDS = (TEXTS, TABLES, STEPS)
LABELS = {"from": "headrace demo"}
"""What every task of a demo is labelled by."""

SCHEDULE_SECONDS = 15

_PEOPLE = ("Amira", "Ben", "Chiara", "David", "Elif", "Frieda", "Goran", "Hanna", "Ivo", "Jonas", "Kim", "Lena")
_TOPICS = (
    "The mill on the river",
    "Why bridges sing",
    "A day without clocks",
    "Letters from the lighthouse",
    "How bread rises",
)
_SURVEYS = ("Bus times", "Melting points", "Rainfall in June", "Library loans", "Reaction times")
_LONG = (
    "Nightly import of 1,200 essays",
    "Rebuild the search index",
    "Export the school year",
    "Send the reports of class 9b",
)
_SENTENCES = (
    "The water comes down from the hills in spring, and the wheel begins to turn.",
    "Nobody in the village rememberd who had build the first mill, or why it stood so far from the road.",
    "It was was loud inside, and the miller had to shout when he wanted flour to be carried away.",
    "In the evening, when the gates were closed and the last cart had left, one could hear the river again, which is a sound that those who live beside it stop noticing until the day on which it is gone, as it happend in the dry summer of that year.",
    "Today the building is a museum, and the wheel turns on Sundays.",
)
_MESSY = "name;points\nAmira;12\nBen;nine;late\n"
_NO_TABLE = ""


class Piece(Struct, frozen=True, kw_only=True):
    """A task that is submitted.

    Attributes:
        kind: Its kind.
        input: Its input.
        priority: Its lane.
        delay: Seconds until it is due, None for at once.
        fails: Whether its input is one that the kind cannot do anything with.
    """

    kind: str
    input: Mapping[str, Any]
    priority: Priority = Priority.NORMAL
    delay: float | None = None
    fails: bool = False


def pieces() -> Iterator[Piece]:
    """Yield tasks for ever: of twenty, twelve are texts, four tables, two fail and two take their time."""
    for number in count(1):
        match number % 20:
            case 3 | 13:
                yield _steps(number)
            case 7:
                yield Piece(kind=TABLES, input={"csv": _MESSY, "name": f"Points of group {number}"}, fails=True)
            case 17:
                yield Piece(kind=TABLES, input={"csv": _NO_TABLE, "name": f"Survey {number}: nothing yet"}, fails=True)
            case 5 | 10 | 15 | 0:
                yield Piece(kind=TABLES, input=table(number), priority=Priority.LOW)
            case 9 | 18:
                yield Piece(kind=TEXTS, input=_essay(number), delay=20.0 + number % 15)
            case 1:
                yield Piece(kind=TEXTS, input=_essay(number), priority=Priority.HIGH)
            case _:
                yield Piece(kind=TEXTS, input=_essay(number))


def table(number: int) -> dict[str, Any]:
    """Return the input of a table with some columns of numbers, dates and texts; a hole in one of them now and then."""
    rows = [
        f"{_PEOPLE[row % len(_PEOPLE)]},{(row * 37 + number * 11) % 100},{(row * number) % 17 / 2},2026-{row % 12 + 1:02}-{row % 28 + 1:02}"
        for row in range(40 + number % 60)
    ]
    rows[number % 40] = "Kim,,,"
    return {
        "csv": "\n".join(["name,points,hours,day", *rows]),
        "name": f"{_SURVEYS[number % len(_SURVEYS)]}, group {number}",
    }


def batch_inputs(size: int) -> list[dict[str, Any]]:
    """Return the inputs of a batch of tables, one in fifteen of which cannot be read."""
    broken = {"csv": _MESSY, "name": "Points with a line too long"}
    return [broken if number % 15 == 14 else table(number) for number in range(size)]


def schedule(until: datetime) -> ScheduleDefinition:
    """Return a schedule that has a text looked through every `SCHEDULE_SECONDS`, and that ends by itself."""
    return ScheduleDefinition(
        kind=TEXTS,
        input={"text": " ".join(_SENTENCES), "heading": "The notice board, as it is now"},
        every=SCHEDULE_SECONDS,
        end_at=until,
        name="Demo: look through the notice board",
        labels=LABELS,
    )


def _essay(number: int) -> dict[str, Any]:
    first = number % len(_SENTENCES)
    sentences = (_SENTENCES[first:] + _SENTENCES[:first]) * (1 + number % 3)
    heading = f"{_TOPICS[number % len(_TOPICS)]}, by {_PEOPLE[number % len(_PEOPLE)]}"
    return {"text": "\n\n".join([" ".join(sentences), " ".join(sentences[:3])]), "heading": heading}


def _steps(number: int) -> Piece:
    lost = 1 if number % 40 == 13 else 0
    given = {"steps": 10 + number % 11, "seconds": 1.0, "lost": lost, "name": _LONG[number // 10 % len(_LONG)]}
    return Piece(kind=STEPS, input=given)
