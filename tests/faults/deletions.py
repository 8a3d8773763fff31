"""What has to be left of tasks that were deleted while a load ran: their deletions, and no more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.faults.journal import Answered, Began, Cut
from tests.faults.observations import Logged, Observations

DELETED = 204
NOT_FOUND = 404  # also of a deletion that was interrupted, once the rest is erased


def find_violations(seen: Observations) -> Iterator[str]:
    """A deletion that was answered is in the log, everything else of the task is erased, and it has no timeline."""
    answers = [each for each in seen.all(Answered) if each.purpose == "delete"]
    for answer in answers:
        if answer.status == DELETED and answer.subject not in seen.deleted:
            yield f"{answer.subject} was said to be deleted, and the log has no deletion of it"
    told = {answer.subject for answer in answers if answer.status in (DELETED, NOT_FOUND)}
    left: dict[str, list[Logged]] = defaultdict(list)
    for record in seen.records:
        if record.of in seen.deleted:
            left[record.of].append(record)
    for task, at in seen.deleted.items():
        others = [f"{each.sequence} {each.event}" for each in left[task] if each.sequence != at]
        # Nobody has erased the rest of a deletion that was not answered.
        if others and task in told:
            yield f"{task} was deleted by {at}, and the log has {', '.join(others[:6])} of it"
        if task in seen.timelines:
            yield f"{task} was deleted by {at} and has a timeline"
    yield from _find_refused_streams(seen)


def _find_refused_streams(seen: Observations) -> Iterator[str]:
    """A stream is refused of what was deleted, or was over and may have been removed by retention."""
    removes = any(began.removes for began in seen.all(Began))
    over = {each.of: each.at.timestamp() for each in seen.records if each.event in ("finished", "settled")}
    for cut in seen.all(Cut):
        _, _, of = cut.client.partition(" ")
        is_removed = removes and over.get(of, cut.wall) < cut.wall
        if cut.why == f"answered {NOT_FOUND}" and of not in seen.deleted and not is_removed:
            yield f"the stream of {cut.client} was answered {NOT_FOUND}, and it was not deleted"
