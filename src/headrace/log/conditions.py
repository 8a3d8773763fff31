"""Append conditions: headers with which the log refuses an append unless a subject still ends where the caller believes.

Merge one of these into the headers of an append. When the condition does not hold, the append raises `AppendRefused` and the
log stays as it was. A message has room for one condition: two merged conditions overwrite each other.
"""

from __future__ import annotations

from collections.abc import Mapping

from headrace.log import subjects


def subject_is_empty() -> dict[str, str]:
    """The log has nothing under the subject of the message itself."""
    return subject_unchanged(0)


def subject_unchanged(sequence: int) -> dict[str, str]:
    """The newest record under the subject of the message itself has this sequence; 0 means that there is none."""
    return {subjects.EXPECTED_LAST_SUBJECT_SEQUENCE: str(sequence)}


def no_event_of(subject: str) -> dict[str, str]:
    """The log has nothing under another subject; wildcards are allowed."""
    return last_event_of(subject, 0)


def last_event_of(subject: str, sequence: int) -> dict[str, str]:
    """The newest record under another subject has this sequence; 0 means that there is none. Wildcards are allowed."""
    return {subjects.EXPECTED_LAST_SUBJECT_SEQUENCE: str(sequence), subjects.EXPECTED_LAST_SUBJECT: subject}


def task_is_new(owner: str, task: str) -> dict[str, str]:
    """The log has no event of the task."""
    return task_unchanged(owner, task, 0)


def task_unchanged(owner: str, task: str, newest: int) -> dict[str, str]:
    """The newest event of the task has this sequence; 0 means that the log has none."""
    return last_event_of(subjects.task_events(owner, task), newest)


def expects_new_task(headers: Mapping[str, str], owner: str, task: str) -> bool:
    """Whether a record was appended under `task_is_new`, so that the log had no earlier event of the task."""
    return headers.get(subjects.EXPECTED_LAST_SUBJECT_SEQUENCE) == "0" and headers.get(
        subjects.EXPECTED_LAST_SUBJECT
    ) == subjects.task_events(owner, task)
