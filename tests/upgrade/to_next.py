"""The upgrade from the checkout to a version to come, and back: nothing is missed of what only the newer version writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import takewhile

from tests.faults.journal import Did
from tests.faults.observations import Logged, Observations
from tests.faults.run_setup import Fault
from tests.upgrade.rolling import BEST, POSTS, becomes, upgrade
from tests.upgrade.versions import CHECKOUT, Version

COLUMNS = {"colour": "coloured", "tint": "started"}
"""Each new column, and the event that has a field of this name for it."""


def upgrade_to_next(following: Version, tasks: int, seconds: float, order: Sequence[str] = BEST) -> Fault:
    """Make the fault that upgrades the checkout to the version that `tests.upgrade.next_version` makes up, and goes back."""
    return upgrade(
        CHECKOUT, tasks, seconds, back=True, after=following, order=order, properties=(nothing_new_is_missed,)
    )


def nothing_new_is_missed(seen: Observations) -> Iterator[str]:
    """The read model has what the workers wrote, and the workers read what the APIs wrote."""
    yield from _not_shown(seen)
    yield from _not_read(seen)


def _not_shown(seen: Observations) -> Iterator[str]:
    """What workers wrote, and the read model does not have. Projectors are replaced first, and last on the way back."""
    rows, written = {row["id"]: row for row in seen.tasks}, dict.fromkeys(COLUMNS, 0)
    for task, history in seen.histories.items():
        for column, value in _told(history).items():
            written[column] += 1
            if task in rows and rows[task].get(column) != value:
                yield f"{task} has {column} {rows[task].get(column)!r} in the read model, and {value!r} in the log"
    yield from (
        f"no worker has written {column!r}, so nothing is shown" for column, times in written.items() if not times
    )


def _told(history: list[Logged]) -> dict[str, str]:
    """What the events of a task say about the new columns; those that come after the end of a run say nothing."""
    found: dict[str, str] = {}
    is_open = False
    for record in history:
        is_open = record.event in ("queued", "deferred") or (is_open and record.event != "finished")
        found |= {
            column: record.data[column]
            for column, event in COLUMNS.items()
            if is_open and record.event == event and record.data.get(column)
        }
    return found


def _not_read(seen: Observations) -> Iterator[str]:
    """What APIs wrote, and a worker did not read, as long as no worker of the older version has come back."""
    read, returned_at = 0, _returned_at(seen)
    for task, history in seen.histories.items():
        hues = {
            each.data["attempt"]: each.data["hue"] for each in history if each.event == "queued" and "hue" in each.data
        }
        colours = {(each.data["attempt"], each.data["colour"]) for each in history if each.event == "coloured"}
        for started in takewhile(lambda each: each.at < returned_at, history):
            attempt = started.data.get("attempt")
            if started.event == "started" and attempt in hues:
                read += 1
                if (attempt, hues[attempt]) not in colours:
                    yield f"attempt {attempt} of {task} has a hue, and started on a worker that does not read it"
    if not read:
        yield "no task that an API of the newer version has accepted was started by then, so nothing is shown"


def _returned_at(seen: Observations) -> datetime:
    """When the first worker of the older version came back."""
    returns = {becomes(f"worker-{number}", CHECKOUT) for number in range(POSTS["worker"])}
    walls = [did.wall for did in seen.all(Did) if did.action in returns]
    return datetime.fromtimestamp(min(walls), UTC) if walls else datetime.max.replace(tzinfo=UTC)
