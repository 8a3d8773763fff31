"""The subjects of what is published to the subscribers of the moment, and kept nowhere.

    hr.live.batches.<event>.<owner>.<batch>   the counts of a batch, as they change
    hr.live.counts.<owner>                    how many tasks an owner has in each state, as they change
    hr.live.counts                            the same of all owners
    hr.live.schedules.<owner>                 a schedule was saved or deleted, or has fired
    hr.live.kinds.<kind>                      a kind was paused or resumed
    hr.live.users                             somebody asked for an account, or an administrator decided about one
    hr.cancelled.<kind>                       tells workers that a task was cancelled
    hr.open-streams.<process>                 how many streams accounts have open at an API process
    hr.processes.<role>.<process>             that a process is there, and what it does
    hr.asked.processes                        asks all processes to tell at once that they are there

The server republishes every task event besides, see `headrace.log.subjects`.
"""

from __future__ import annotations

from typing import Final

OPEN_STREAMS: Final = "hr.open-streams.*"
PROCESSES: Final = "hr.processes.*.*"
PROCESSES_ASKED: Final = "hr.asked.processes"
COUNTS_OF_ALL: Final = "hr.live.counts"
USERS: Final = "hr.live.users"


def batch_live(event: str, owner: str, batch: str) -> str:
    """The live subject on which the counts of a batch are published as they change."""
    return f"hr.live.batches.{event}.{owner}.{batch}"


def counts_of(owner: str) -> str:
    """The live subject on which the counts of an owner are published as they change."""
    return f"{COUNTS_OF_ALL}.{owner}"


def schedules_of(owner: str) -> str:
    """The live subject on which changes of an owner's schedules are published, as contracts.hints.ScheduleHint."""
    return f"hr.live.schedules.{owner}"


def kind_live(kind: str) -> str:
    """The live subject on which it is published that a kind was paused or resumed, as contracts.hints.KindPaused."""
    return f"hr.live.kinds.{kind}"


def cancelled(kind: str) -> str:
    """The subject on which workers of a kind hear of cancellations. The payload is ``<task> <sequence of its finish>``."""
    return f"hr.cancelled.{kind}"


def open_streams(process: str) -> str:
    """The subject on which an API process tells the others what it has open."""
    return f"hr.open-streams.{process}"


def process(role: str, process: str) -> str:
    """The subject on which a process tells that it is there."""
    return f"hr.processes.{role}.{process}"
