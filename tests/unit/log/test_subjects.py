from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.events import EventName
from headrace.contracts.tasks import KIND_PATTERN, Priority
from headrace.log import bucket_names, consumer_names, subjects
from headrace.log.subjects import TaskSubject
from tests.examples import examples

kinds = st.from_regex(KIND_PATTERN, fullmatch=True)
tokens = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x24F, exclude_characters=".*>\x7f"), min_size=1
).filter(lambda token: not any(character.isspace() for character in token))
task_subjects = st.builds(TaskSubject, st.sampled_from(EventName), kinds, st.sampled_from(Priority), tokens, tokens)


@given(subject=task_subjects)
@examples(200)
def test_a_subject_reads_back_as_it_was_written_from_the_log_and_from_the_live_feed(subject: TaskSubject) -> None:
    written = str(subject)
    assert TaskSubject.parse(written) == subject
    assert TaskSubject.parse(subjects.live(written)) == subject
    assert subjects.live(written) == written.replace("hr.tasks.", "hr.live.tasks.", 1)


@pytest.mark.invariant(8)
@given(subject=task_subjects)
@examples(100)
def test_a_subject_is_in_the_slices_it_belongs_to_and_in_no_other(subject: TaskSubject) -> None:
    def matches(pattern: str) -> bool:
        wanted, given = pattern.split("."), str(subject).split(".")
        for want, have in itertools.zip_longest(wanted, given):
            if want == ">":
                return True
            if want not in ("*", have):
                return False
        return True

    assert matches(subjects.TASKS)
    assert not matches(subjects.BATCHES)
    assert not matches(subjects.TIMERS)
    assert matches(subjects.task_events())
    assert matches(subjects.task_events(subject.owner, subject.task, subject.kind, subject.event))
    assert not matches(subjects.task_events(owner=subject.owner + "x"))
    assert not matches(subjects.task_events(task=subject.task + "x"))
    lanes = [priority for priority in Priority if matches(subjects.queued_in_lane(subject.kind, priority))]
    assert lanes == ([subject.priority] if subject.event == EventName.QUEUED else [])


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "hr",
        "hr.tasks.",
        "hr.tasks.queued.echo.normal.local",
        "hr.tasks.queued.echo.normal.local.1.2",
        "hr.live.tasks.queued.echo.normal.local",
        "hr.live.tasks.queued.echo.normal.local.1.2",
        "hr.batches.created.local.b1.x.y",
        "hr.timers.queued.echo.normal.local.1",
        "xhr.tasks.queued.echo.normal.local.1",
        "hr.tasksx.queued.echo.normal.local.1",
        "$KV.HEADRACE_KINDS.echo.a.b.c.d",
    ],
)
def test_a_foreign_subject_is_refused_and_named(subject: str) -> None:
    with pytest.raises(ValueError, match="is not the subject of a task event") as caught:
        TaskSubject.parse(subject)
    assert repr(subject) in str(caught.value)


def test_a_batch_event_is_read_as_it_was_written() -> None:
    subject = subjects.batch_event("created", "local", "b1")
    assert subject == "hr.batches.created.local.b1"
    assert subjects.is_of_batch(subject)
    assert subjects.BatchSubject.parse(subject) == ("created", "local", "b1")
    for foreign in ("hr.batches.created.local", "hr.batches.created.local.b1.x", "hr.tasks.created.local.b1"):
        with pytest.raises(ValueError, match="is not the subject of a batch event"):
            subjects.BatchSubject.parse(foreign)


def test_slices_read_as_they_are_written_down() -> None:
    assert subjects.live(subjects.task_events(owner="u1")) == "hr.live.tasks.*.*.*.u1.*"
    assert subjects.queued_in_lane("thumbnail", "high") == "hr.tasks.queued.thumbnail.high.>"
    assert subjects.task_events(event="finished") == "hr.tasks.finished.*.*.*.*"
    assert consumer_names.run_consumer("thumbnail", Priority.LOW) == "run-thumbnail-low"
    assert consumer_names.run_consumer("thumbnail", None) == "run-thumbnail"
    assert subjects.queued_of("thumbnail") == "hr.tasks.queued.thumbnail.>"
    assert subjects.rate_counter("thumbnail", 1800) == "hr.rates.thumbnail.1800"
    assert subjects.limit_counter("reads", "a1", 7, is_long=False) == "hr.limits.reads.a1.7"
    assert subjects.stream_of("hr.limits.reads.a1.7") == "HEADRACE_LIMITS"
    assert subjects.limit_counter("registrations", "a1", 7, is_long=True) == "hr.long-limits.registrations.a1.7"
    assert subjects.stream_of("hr.long-limits.registrations.a1.7") == "HEADRACE_LONG_LIMITS"
    assert subjects.catalog_entry("thumbnail") == "$KV.HEADRACE_KINDS.thumbnail"
    assert subjects.live(subjects.TASKS) == subjects.LIVE_TASKS
    assert bucket_names.revoked("key", "k1") == "$KV.HEADRACE_IDENTITY.revoked.key.k1"
    assert bucket_names.key_of_entry(bucket_names.revoked("session", "s1")) == ["revoked", "session", "s1"]
    assert bucket_names.key_of_entry(bucket_names.changed_user("u1")) == ["user", "u1"]


@pytest.mark.parametrize(
    ("subject", "stream"),
    [
        (subjects.catalog_entry("echo"), "KV_HEADRACE_KINDS"),
        (bucket_names.revoked("key", "k1"), "KV_HEADRACE_IDENTITY"),
        (bucket_names.CURRENT_SETTINGS, "KV_HEADRACE_SETTINGS"),
        (subjects.rate_counter("echo", 1), "HEADRACE_RATES"),
        (subjects.FILLER, "HEADRACE"),
    ],
)
def test_every_subject_is_kept_by_its_own_stream(subject: str, stream: str) -> None:
    assert subjects.stream_of(subject) == stream


@given(one=kinds, other=kinds)
@examples(100)
def test_no_two_lanes_share_a_consumer(one: str, other: str) -> None:
    names = {consumer_names.run_consumer(kind, priority) for kind in {one, other} for priority in Priority}
    assert len(names) == 3 * len({one, other})
    assert consumer_names.PROJECTOR not in names
    assert not any(character in name for name in names for character in ".*> ")


def test_a_consumer_says_whose_it_is_and_whether_it_limits() -> None:
    for priority in Priority:
        lane = consumer_names.run_consumer("thumb_nail", priority)
        assert (consumer_names.kind_of_consumer(lane), consumer_names.is_limited(lane)) == ("thumb_nail", False)
    lane = consumer_names.run_consumer("thumb_nail", None)
    assert (consumer_names.kind_of_consumer(lane), consumer_names.is_limited(lane)) == ("thumb_nail", True)
    assert (consumer_names.kind_of_consumer("projector"), consumer_names.is_limited("projector")) == (None, False)
