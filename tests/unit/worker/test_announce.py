from __future__ import annotations

import pytest
from msgspec import structs

from headrace.contracts.kinds import KindDescription
from headrace.log.connection import Log
from headrace.log.subjects import CATALOG_ENTRIES, CATALOG_STREAM, FOLLOWING
from headrace.worker import announce as announce_module
from headrace.worker.announce import announce, is_superseded


def kind(name: str) -> KindDescription:
    return KindDescription(
        name=name, description="Say it again.", input_schema={}, result_schema={}, timeout=60, max_attempts=1
    )


async def test_the_newest_announcement_says_by_which_consumers_a_kind_is_run(log: Log) -> None:
    free, limited, more = (
        kind("echo"),
        structs.replace(kind("echo"), concurrency=1),
        structs.replace(kind("echo"), concurrency=2),
    )
    assert not await is_superseded(log, free)
    await announce(log, [limited, kind("talk")])
    assert await is_superseded(log, free)
    assert not await is_superseded(log, limited)
    assert not await is_superseded(log, more), "another limit is the same form"
    await announce(log, [free])
    assert not await is_superseded(log, free)
    assert await is_superseded(log, limited)


async def test_whoever_ran_a_kind_otherwise_and_has_gone_is_not_waited_for_for_ever(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    await announce(log, [structs.replace(kind("echo"), concurrency=1)])
    assert await is_superseded(log, kind("echo"))
    monkeypatch.setattr(announce_module, "SUPERSEDED_SECONDS", 0.0)
    assert not await is_superseded(log, kind("echo"))


@pytest.mark.parametrize("count", [1, 6, 50])
async def test_whoever_knows_a_part_of_the_kinds_of_a_worker_knows_what_follows(
    log: Log, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(announce_module, "FOLLOWING_MAX", 25)
    names = [f"kind_{number}" for number in range(count)]
    await announce(log, [kind(name) for name in names])
    entries, _ = await log.replayer.page(CATALOG_ENTRIES, stream=CATALOG_STREAM)
    following = {
        entry.subject.rpartition(".")[2]: entry.headers.get(FOLLOWING, "").split(",")
        for entry in entries
        if FOLLOWING in entry.headers
    }
    expected = {name: names[at : at + 25] for at, name in enumerate(names[:-1], 1)}
    assert following == expected
    assert len(entries) == count
