from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.tracing.w3c import (
    LONG_MEMBER_CHARS,
    TRACESTATE_CHARS_MAX,
    TRACESTATE_MEMBERS_MAX,
    TraceContext,
    bounded,
    unsampled,
)
from tests.examples import examples

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
keys = st.from_regex(r"[a-z][a-z0-9_*/-]{0,20}(@[a-z][a-z0-9]{0,5})?", fullmatch=True)
values = st.from_regex(r"[!-+\--<>-~]{1,200}", fullmatch=True)


def test_the_parts_of_a_context_are_those_of_its_header() -> None:
    found = TraceContext.of_record({"traceparent": PARENT, "tracestate": "a=1"})
    assert found is not None
    assert (found.trace_id, found.span_id, found.is_sampled) == (PARENT[3:35], PARENT[36:52], True)
    assert found.headers() == {"traceparent": PARENT, "tracestate": "a=1"}
    assert not TraceContext(PARENT[:-2] + "02").is_sampled


@pytest.mark.parametrize("given", ["", "00-xyz", PARENT.upper(), PARENT + "-", f"00-{'0' * 32}-00f067aa0ba902b7-01"])
def test_what_is_no_context_is_none_whoever_wrote_it_into_a_record(given: str) -> None:
    assert TraceContext.of_record({"traceparent": given, "tracestate": "a=1"}) is None


def test_a_state_that_came_in_several_headers_is_one_and_two_parents_are_none() -> None:
    parent, first, second = (
        (b"traceparent", PARENT.encode()),
        (b"tracestate", b"a=1, b=2"),
        (b"tracestate", b"c=3"),
    )
    assert TraceContext.of_request([first, parent, second]) == (PARENT, "a=1,b=2,c=3")
    assert TraceContext.of_request([parent, first, parent]) is None
    assert TraceContext.of_request([first]) is None


@pytest.mark.parametrize(
    "malformed",
    ["a", "a=", "=1", "A=1", "a=1,a=2", "a=1=2", "a=\x07", "a=ä", "a=1,,b", ",".join(f"k{n}=1" for n in range(33))],
)
def test_a_malformed_state_is_left_out_whole(malformed: str) -> None:
    assert bounded(malformed) == ""


@examples(200)
@given(st.dictionaries(keys, values, max_size=TRACESTATE_MEMBERS_MAX))
def test_a_state_keeps_its_newest_members_within_what_everybody_hands_on(members: dict[str, str]) -> None:
    whole = [f"{key}={value}" for key, value in members.items()]
    kept = [each for each in bounded(",".join(whole)).split(",") if each]
    assert len(",".join(kept)) <= TRACESTATE_CHARS_MAX
    if len(",".join(whole)) <= TRACESTATE_CHARS_MAX:
        assert kept == whole
    else:
        short = [each for each in whole if len(each) <= LONG_MEMBER_CHARS]
        assert kept == short[: len(kept)], "long ones go first, then the oldest"
    assert bounded(",".join(kept)) == ",".join(kept)


def test_what_is_not_recorded_has_ids_that_are_well_formed() -> None:
    made = TraceContext(unsampled())
    assert TraceContext.of_record(made.headers()) == made
    assert not made.is_sampled
