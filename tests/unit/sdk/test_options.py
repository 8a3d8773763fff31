"""What a kind may say about how its tasks are run, and what is said to those who say it otherwise."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headrace.task import Context, KindError, SyncContext, task


class Words(msgspec.Struct, frozen=True):
    text: str


async def coroutine(input: Words, context: Context) -> None: ...


def plain(input: Words, context: SyncContext) -> None: ...


@pytest.mark.parametrize("rate", [1, 10.0, 10_000, 0.999, 0.1, 1 / 3600])
def test_limits_are_described(rate: float) -> None:
    @task(concurrency=3, rate=rate)
    async def limited(input: Words, context: Context) -> None: ...

    described = limited.describe()
    assert (described.concurrency, described.rate, described.process) == (3, rate, False)
    unlimited = task()(coroutine).describe()
    assert (unlimited.concurrency, unlimited.rate) == (None, None)


@pytest.mark.parametrize(
    ("handler", "options", "said"),
    [
        (coroutine, {"timeout": 0}, "timeout=0 must be more than 0"),
        (coroutine, {"timeout": -1.5}, "timeout=-1.5 must be"),
        (coroutine, {"timeout": float("nan")}, "timeout=nan must be"),
        (coroutine, {"timeout": 24 * 3600 + 1}, "at most 86400 seconds"),
        (coroutine, {"max_attempts": 0}, "max_attempts=0 must be an integer from 1 to 100"),
        (coroutine, {"max_attempts": 2.5}, r"max_attempts=2\.5 must be an integer"),
        (coroutine, {"max_attempts": 2.0}, r"max_attempts=2\.0 must be an integer"),
        (coroutine, {"max_attempts": True}, "max_attempts=True must be an integer"),
        (coroutine, {"max_attempts": "3"}, "max_attempts='3' must be an integer"),
        (coroutine, {"max_attempts": 101}, "max_attempts=101 must be an integer from 1 to 100"),
        (coroutine, {"process": True}, "process=True is for a plain function; write def instead of async def"),
        (plain, {"memory": 1 << 30}, "memory= limits a process; add process=True"),
        (
            plain,
            {"process": True, "memory": 1 << 20},
            "memory=1048576 must be an integer, at least 67,108,864 bytes",
        ),
        (plain, {"process": True, "memory": 1e9}, r"memory=1000000000\.0 must be an integer"),
        (plain, {"process": True, "memory": float("nan")}, "memory=nan must be an integer"),
        (coroutine, {"concurrency": 0}, "concurrency=0 must be an integer from 1 to 10,000"),
        (coroutine, {"concurrency": 2.0}, r"concurrency=2\.0 must be an integer"),
        (coroutine, {"concurrency": True}, "concurrency=True must be an integer"),
        (coroutine, {"concurrency": 10_001}, "concurrency=10001 must be"),
        (coroutine, {"concurrency": 1.5}, "concurrency=1.5 must be"),
        (coroutine, {"rate": 0}, "rate=0 must be a whole number of starts a second from 1 to 10,000, or less than 1"),
        (coroutine, {"rate": -1}, "rate=-1 must be"),
        (coroutine, {"rate": 2.5}, r"rate=2\.5 must be"),
        (coroutine, {"rate": 1 / 3601}, "at least 1/3600"),
        (coroutine, {"rate": float("nan")}, "rate=nan must be"),
        (coroutine, {"rate": float("inf")}, "rate=inf must be"),
    ],
)
def test_options_that_cannot_be_are_refused_with_the_file_of_the_kind(
    handler: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(KindError, match=said) as caught:
        task(**options)(handler)
    assert str(caught.value).startswith(f"{__file__}: kind {handler.__name__!r}: ")
