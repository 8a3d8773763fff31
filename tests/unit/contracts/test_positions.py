from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.positions import Position
from tests.examples import examples

parts = st.integers(0, 2**63 - 1)
positions = st.builds(Position, parts, parts)


@given(position=positions)
@examples(200)
def test_a_position_reads_back_as_it_was_written(position: Position) -> None:
    assert Position.parse(str(position)) == position
    assert len(str(position)) <= 41  # what the API lets through


@given(one=positions, other=positions)
@examples(200)
def test_positions_of_a_newer_log_are_later_whatever_their_sequence(one: Position, other: Position) -> None:
    if one.epoch != other.epoch:
        assert (one < other) == (one.epoch < other.epoch)
    else:
        assert (one < other) == (one.sequence < other.sequence)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "1",
        "1-",
        "-1",
        "a-1",
        "1-b",
        "1-2-3",
        "1--2",
        "+1-2",
        " 1-2",
        "1-2 ",
        "1-2\n",
        "1_000-2",
        "\u0661-\u0662",
        "1.5-2",
        "0x1-2",
        "9223372036854775808-1",
        "1-9223372036854775808",
        "1-00000000000000000001",
    ],
)
def test_anything_else_is_refused_and_shown(text: str) -> None:
    with pytest.raises(ValueError, match="is not a position of the form <epoch>-<sequence>") as caught:
        Position.parse(text)
    assert repr(text) in str(caught.value)


def test_a_refusal_does_not_repeat_a_book() -> None:
    with pytest.raises(ValueError, match="is not a position") as caught:
        Position.parse("x" * 10_000)
    assert len(str(caught.value)) < 200


@given(text=st.text(max_size=45))
@examples(200)
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        found = Position.parse(text)
    except ValueError:
        return
    assert 0 <= found.epoch < 2**63
    assert 0 <= found.sequence < 2**63
