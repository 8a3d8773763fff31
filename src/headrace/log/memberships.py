"""What the headers of its events say of a task: its batch, its schedule, its title and its labels. Anybody may have written them.

Headers are text in UTF-8 on one line each; a title is one line, and labels are JSON, which has no line breaks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Raw

from headrace.contracts.labels import decode_labels, encode_labels
from headrace.contracts.tasks import ID_PATTERN, TaskSummary
from headrace.contracts.titles import make_title, short_id, title_of_input
from headrace.log import subjects

_is_id = re.compile(ID_PATTERN).fullmatch


def batch_of(headers: Mapping[str, str]) -> str | None:
    """Return the batch of a task; None when its headers name none, or what can be no batch."""
    return _id_in(headers, subjects.BATCH)


def schedule_of(headers: Mapping[str, str]) -> str | None:
    """Return the schedule that submitted a task; None when its headers name none, or what can be no schedule."""
    return _id_in(headers, subjects.OF_SCHEDULE)


def title_of(headers: Mapping[str, str]) -> str | None:
    """Return the title of a task; None when its headers have none, or what can be no title."""
    given = headers.get(subjects.TITLE)
    return None if given is None else make_title(given)


def labels_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of a task; empty when its headers have none, or what can be no labels."""
    given = headers.get(subjects.LABELS)
    return {} if given is None else decode_labels(given)


def title_with_fallback(headers: Mapping[str, str], value: bytes | Raw | None, task: str) -> str:
    """Return what a task is called: by its headers, else by the first text of its input, else by the end of its id.

    Args:
        headers: The headers of one of its events.
        value: The input as JSON; None when it is not known.
        task: The id of the task.
    """
    return title_of(headers) or (title_of_input(value) if value else None) or short_id(task)


def name_task(title: str | None, labels: Mapping[str, str], task: str) -> dict[str, str]:
    """Return the headers that say what a task is called, as they are decided when it is accepted.

    Args:
        title: What its input says; None when that says nothing.
        labels: What its submitter calls it by.
        task: Its id, whose end is the title of a task without another one.
    """
    headers = {subjects.TITLE: title or short_id(task)}
    if labels:
        headers[subjects.LABELS] = encode_labels(labels)
    return headers


def headers_of(task: TaskSummary) -> dict[str, str]:
    """Return the headers of a task that say what it is called and what it belongs to, when its events have left the log."""
    headers = name_task(task.title or None, task.labels, task.id)
    if task.batch is not None:
        headers[subjects.BATCH] = task.batch
    if task.schedule is not None:
        headers[subjects.OF_SCHEDULE] = task.schedule
    return headers


def _id_in(headers: Mapping[str, str], name: str) -> str | None:
    given = headers.get(name)
    return given if given is not None and _is_id(given) else None
