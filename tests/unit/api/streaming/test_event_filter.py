from __future__ import annotations

import pytest

from headrace.api.streaming.event_filter import TASKS_MAX, VALUES_MAX, EventFilter, read_filter
from headrace.api.streaming.forms import BRIEF, BRIEF_WITH_OWNER, FULL, FrameForm
from headrace.api.streaming.frames import NO_LABELS, Frame
from headrace.errors import MalformedRequest

KINDS = {"echo", "talk"}


def frame(
    event: str = "started",
    task: str = "t1",
    kind: str = "echo",
    batch: str | None = None,
    labels: frozenset[str] = NO_LABELS,
) -> Frame:
    return Frame(sequence=1, event=event, encoded=b"", task=task, kind=kind, batch=batch, at=0.0, labels=labels)


def filter_of(form: FrameForm = FULL, **given: list[str]) -> EventFilter:
    values = (given.get(name) for name in ("task", "batch", "kind", "event"))
    return read_filter(*values, KINDS, labels=given.get("label"), form=form)


def test_an_event_must_have_all_labels_that_are_asked_for() -> None:
    wanted = filter_of(label=["customer=42", "run=a=b"])
    assert wanted(frame(labels=frozenset({"customer=42", "run=a=b", "x=y"})))
    assert not wanted(frame(labels=frozenset({"customer=42"})))
    assert not wanted(frame())


@pytest.mark.parametrize("name", ["task", "batch", "kind", "event"])
def test_values_with_commas_in_between_are_explained(name: str) -> None:
    with pytest.raises(MalformedRequest, match=f"one by one: {name}=a&{name}=b") as refused:
        filter_of(**{name: ["a,b"]})
    assert refused.value.errors[0].path == f"query {name}"


def test_a_brief_filter_may_name_hints_and_not_what_a_brief_stream_leaves_out() -> None:
    wanted = filter_of(BRIEF, event=["finished", "counts"])
    assert wanted.subject("u1") == "hr.tasks.finished.*.*.u1.*"
    assert wanted.has_hints
    assert wanted.wants_hint("counts", None, None)
    assert not wanted.wants_hint("kind", "echo", None)
    assert not filter_of(BRIEF, event=["finished"]).has_hints
    for form, event in ((BRIEF, "logged"), (BRIEF, "emitted"), (FULL, "counts"), (BRIEF, "gauges"), (BRIEF, "users")):
        with pytest.raises(MalformedRequest, match=f"there is no event '{event}'") as refused:
            filter_of(form, event=[event])
        assert event not in refused.value.message.partition("; there are ")[2].split(", ")
    assert filter_of(BRIEF_WITH_OWNER, event=["gauges", "users"]).has_hints


def test_a_hint_about_a_kind_or_a_batch_passes_a_filter_as_a_task_of_it_would() -> None:
    wanted = filter_of(BRIEF, kind=["echo"], batch=["b1"])
    assert wanted.wants_hint("counts", None, None)
    assert wanted.wants_hint("counted", "echo", "b1")
    assert not wanted.wants_hint("counted", "talk", "b1")
    assert not wanted.wants_hint("counted", "echo", "b2")
    assert wanted.wants_hint("kind", "echo", None)


def test_an_empty_filter_wants_every_event_of_the_owner() -> None:
    wanted = filter_of()
    assert wanted.is_empty
    assert wanted(frame())
    assert wanted.subject("u1") == "hr.tasks.*.*.*.u1.*"


def test_an_event_must_match_every_part_that_is_given() -> None:
    wanted = filter_of(task=["t1", "t2"], event=["finished"])
    assert wanted(frame("finished", "t2"))
    assert not wanted(frame("started", "t2"))
    assert not wanted(frame("finished", "t3"))


def test_an_event_without_a_batch_is_in_none_that_is_asked_for() -> None:
    wanted = filter_of(batch=["b1"])
    assert wanted(frame(batch="b1"))
    assert not wanted(frame(batch=None))


def test_a_single_value_narrows_the_subject_and_several_do_not() -> None:
    assert filter_of(task=["t1"], kind=["echo"], event=["finished"]).subject("u1") == "hr.tasks.finished.echo.*.u1.t1"
    assert filter_of(kind=["echo", "talk"]).subject("u1") == "hr.tasks.*.*.*.u1.*"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": ["nope"]}, "no worker ever announced a kind 'nope'"),
        ({"event": ["ended"]}, "there is no event 'ended'"),
        ({"label": ["customer"]}, "'customer' is not a label, written as key=value"),
        ({"label": ["Customer=42"]}, "is not a label"),
        ({"label": ["customer="]}, "is not a label"),
        ({"label": [f"k={number}" for number in range(9)]}, "8 at most"),
        ({"task": ["a.b"]}, "'a.b' is not an id"),
        ({"batch": ["*"]}, r"'\*' is not an id"),
        ({"task": [f"t{number}" for number in range(TASKS_MAX + 1)]}, "100 at most"),
        ({"batch": [f"b{number}" for number in range(VALUES_MAX + 1)]}, "20 at most"),
    ],
)
def test_a_value_that_can_match_nothing_is_refused_by_name(given: dict[str, list[str]], message: str) -> None:
    with pytest.raises(MalformedRequest, match=message) as refused:
        filter_of(**given)
    assert [each.path for each in refused.value.errors] == [f"query {next(iter(given))}"]
