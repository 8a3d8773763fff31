"""What a handler wrote stays with its task when the log has let go of it."""

from __future__ import annotations

import asyncio
from typing import Any

from click.testing import CliRunner

from headrace.cli import cli
from headrace.client import Client
from headrace.log.prune import erase
from tests.accounts import KEY
from tests.cluster import Cluster
from tests.flow.files.steps import read_stored
from tests.flow.files.test_files_of_tasks import run
from tests.screens import show


async def forget(cluster: Cluster, task: str) -> None:
    """Take the lines and chunks of a task out of the log, as time does."""
    for name in ("logged", "emitted"):
        for record in await cluster.events(f"hr.tasks.{name}.*.*.*.{task}"):
            await erase(cluster.log, record.sequence)


async def read(cluster: Cluster, path: str) -> Any:
    answer = await cluster.http.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_lines_and_chunks_of_all_attempts_are_shown_after_the_log_has_let_go_of_them(with_files: Cluster) -> None:
    done = await run(with_files, "talk_and_keep", fail_first=True)
    assert (done["state"], done["attempt"]) == ("succeeded", 2)
    live = await read(with_files, f"/api/v1/tasks/{done['id']}/log")
    output = await read(with_files, f"/api/v1/tasks/{done['id']}/output")
    assert [each["message"].strip("x ") for each in live["lines"]] == ["1.0", "1.1", "2.0", "2.1"]
    assert output["chunks"] == [{"of": 1}, {"of": 2}]
    assert live["complete"]
    assert output["complete"]

    await forget(with_files, done["id"])
    kept = await read(with_files, f"/api/v1/tasks/{done['id']}/log")
    assert kept["complete"]
    assert [without_time(each) for each in kept["lines"]] == [without_time(each) for each in live["lines"]]
    assert await read(with_files, f"/api/v1/tasks/{done['id']}/output") == output
    detail = await show(with_files.http, f"member/tasks/{done['id']}")
    assert detail["log"] == kept
    assert detail["output"] == output
    # It is no result, and no file that somebody looks for.
    assert (await read(with_files, f"/api/v1/files?task={done['id']}"))["items"] == []
    assert (detail["files"], detail["task"]["files"]) == ([], 0)
    assert {each["event"] for each in detail["timeline"]} == {"queued", "deferred", "started", "finished"}
    async with Client(with_files.url, key=KEY) as client:
        assert [each.attempt for each in (await client.log(done["id"])).lines] == [1, 1, 2, 2]
        assert (await client.output(done["id"])).chunks == [{"of": 1}, {"of": 2}]


def without_time(line: dict[str, Any]) -> dict[str, Any]:
    """The time of a kept line is that at which the worker wrote it, some milliseconds from that of the log."""
    return {name: value for name, value in line.items() if name != "at"}


async def test_only_the_newest_lines_are_kept_and_what_is_missing_is_said(with_files: Cluster) -> None:
    done = await run(with_files, "talk_and_keep", lines=100, chars=4000)
    kept = next(each for each in done["files"] if each["role"] == "log")
    assert len(read_stored(with_files, kept["id"])) <= 256 << 10
    await forget(with_files, done["id"])
    found = await read(with_files, f"/api/v1/tasks/{done['id']}/log")
    assert not found["complete"]
    assert 50 < len(found["lines"]) < 70
    assert found["lines"][-1]["message"].startswith("1.99 ")


async def test_the_files_of_a_task_are_shown_on_its_page_and_counted_in_lists(with_files: Cluster) -> None:
    done = await run(with_files, "save_in_thread", name="picture.png")
    detail = await show(with_files.http, f"member/tasks/{done['id']}")
    (shown,) = detail["files"]
    assert {name: shown[name] for name in ("name", "media_type", "size", "inline")} == {
        "name": "picture.png",
        "media_type": "application/octet-stream",
        "size": 4,
        "inline": False,
    }
    assert detail["task"]["files"] == 1
    (listed,) = (await read(with_files, f"/api/v1/files?task={done['id']}"))["items"]
    assert (listed["id"], listed["name"], listed["state"]) == (shown["id"], "picture.png", "ready")
    content = await with_files.http.get(f"/api/v1/files/{shown['id']}/content")
    assert (content.status_code, content.content) == (200, bytes(4))


async def test_a_task_that_wrote_nothing_keeps_nothing(with_files: Cluster) -> None:
    done = await run(with_files, "noop")
    assert done["files"] == []
    assert await read(with_files, f"/api/v1/tasks/{done['id']}/log") == {"lines": [], "complete": True}


async def test_nobody_reads_the_lines_of_somebody_else(with_files: Cluster) -> None:
    done = await run(with_files, "talk_and_keep")
    other = with_files.http_as((await with_files.make_user()).key)
    for what in ("log", "output"):
        assert (await other.get(f"/api/v1/tasks/{done['id']}/{what}")).status_code == 404


async def test_the_command_line_shows_what_a_task_wrote(with_files: Cluster) -> None:
    done = await run(with_files, "talk_and_keep")
    await forget(with_files, done["id"])
    runner = CliRunner(env={"HEADRACE_URL": with_files.url, "HEADRACE_API_KEY": KEY})
    shown = await asyncio.to_thread(runner.invoke, cli, ["logs", done["id"]])
    assert [line.split()[-2] for line in shown.stdout.splitlines()] == ["1.0", "1.1"]
    streamed = await asyncio.to_thread(runner.invoke, cli, ["logs", done["id"], "--output"])
    assert streamed.stdout.splitlines() == ['{"of":1}']
