"""What the demo_steps kind does."""

from __future__ import annotations

import msgspec
import pytest

from consumers.demo_steps import StepsDone, demo_steps
from headrace.testing import RecordingContext


def given(**fields: object) -> object:
    return demo_steps.decode_input(msgspec.json.encode({"seconds": 0, **fields}))


async def test_it_goes_through_its_steps_and_says_so_at_each() -> None:
    context = RecordingContext()
    assert await demo_steps(given(steps=4), context) == StepsDone(steps=4, attempt=1)
    assert context.progressed == [(number / 4, f"step {number} of 4") for number in (1, 2, 3, 4)]


async def test_attempts_that_are_to_be_lost_fail_half_way() -> None:
    context = RecordingContext()
    with pytest.raises(ConnectionError, match="does not answer"):
        await demo_steps(given(steps=4, lost=1), context)
    assert [message for _, message in context.progressed] == ["step 1 of 4", "step 2 of 4"]
