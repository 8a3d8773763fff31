"""Inputs and results that are too large for an event: the log refers to them, and whoever reads a task finds them in it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from headrace.client import Client
from headrace.contracts.events import encode
from headrace.contracts.large_values import ANSWER_BYTES_MAX, INLINE_BYTES_MAX
from tests.accounts import KEY
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.files.steps import place_of_objects
from tests.flow.files.test_files_of_tasks import events_of, run
from tests.flow.problems import check_problem
from tests.screens import show
from tests.waiting import until

LARGE = "0123456789abcdef" * (40 << 10)  # 640 KB, which is more than an event had room for when there were no stores
EVENT_BYTES_MAX = 2 << 10  # of an event with a reference
FORMS = ("repeat_text", "repeat_text_in_process")


def of_role(task: dict[str, Any], role: str) -> dict[str, Any]:
    (found,) = (each for each in task["files"] if each["role"] == role)
    return found


def object_of(cluster: Cluster, task: dict[str, Any], role: str) -> Path:
    return place_of_objects(cluster) / of_role(task, role)["key"]


async def read(cluster: Cluster, task: str) -> Any:
    return await cluster.http.get(f"/api/v1/tasks/{task}")


async def reaches_its_handler_and_comes_back(cluster: Cluster, kind: str) -> dict[str, Any]:
    found = await run(cluster, kind, text=LARGE, times=2)
    assert found["state"] == "succeeded", found["error"]
    assert found["input"] == {"text": LARGE, "times": 2}
    assert found["result"] == LARGE * 2
    (queued,) = await events_of(cluster, found["id"], "queued")
    (finished,) = await events_of(cluster, found["id"], "finished")
    assert (queued.stored_input.size, bytes(queued.input)) == (len(LARGE) + 21, b"null")
    assert (finished.stored_result.size, bytes(finished.result)) == (2 * len(LARGE) + 2, b"null")
    assert max(len(encode(queued)), len(encode(finished))) < EVENT_BYTES_MAX
    assert queued.stored_input.key == of_role(found, "input")["key"]
    return found


@pytest.mark.parametrize("kind", FORMS)
async def test_a_large_input_reaches_its_handler_and_a_large_result_comes_back(with_files: Cluster, kind: str) -> None:
    found = await reaches_its_handler_and_comes_back(with_files, kind)
    assert json.loads(object_of(with_files, found, "input").read_bytes()) == found["input"]
    assert json.loads(object_of(with_files, found, "result").read_bytes()) == found["result"]


async def test_large_values_are_kept_in_s3(in_s3_with_large: Cluster) -> None:
    await reaches_its_handler_and_comes_back(in_s3_with_large, "repeat_text")


async def test_a_value_that_just_fits_stays_in_its_event(with_files: Cluster) -> None:
    text = "x" * (INLINE_BYTES_MAX - len('{"text":""}'))
    found = await run(with_files, "repeat_text", text=text)
    assert (found["result"], found["files"]) == (text, [])
    (queued,) = await events_of(with_files, found["id"], "queued")
    assert (queued.stored_input, len(queued.input)) == (None, INLINE_BYTES_MAX)
    (more,) = (await run(with_files, "repeat_text", text=text + "x"))["files"]
    assert (more["role"], more["size"]) == ("input", INLINE_BYTES_MAX + 1)


async def test_screens_say_how_large_a_value_is_and_which_file_has_it(with_files: Cluster) -> None:
    found = await run(with_files, "repeat_text", text=LARGE)
    detail = await show(with_files.http, f"member/tasks/{found['id']}")
    for which in ("input", "result"):
        file = of_role(found, which)
        assert detail["task"][which] == {"kind": "large", "bytes": file["size"], "file": file["id"]}
        content = await with_files.http.get(f"/api/v1/files/{file['id']}/content")
        assert content.json() == found[which]
        assert content.headers["Content-Disposition"].startswith("attachment")
    assert (detail["files"], detail["task"]["files"]) == ([], 0)
    assert (await with_files.http.get(f"/api/v1/files?task={found['id']}")).json()["items"] == []
    form = await show(with_files.http, "member/new", **{"from": found["id"]})
    assert form["selected"]["prefill"] is None
    other = with_files.http_as((await with_files.make_user()).key)
    assert (await other.get(f"/api/v1/files/{of_role(found, 'input')['id']}/content")).status_code == 404


async def test_an_attempt_that_is_made_again_and_a_run_that_is_have_the_input_too(with_files: Cluster) -> None:
    first = await run(with_files, "repeat_text", text=LARGE, fail_first=True)
    assert (first["state"], first["attempt"], first["result"]) == ("succeeded", 2, LARGE)
    again = (await with_files.http.post(f"/api/v1/tasks/{first['id']}/runs")).json()
    async with Client(with_files.url, key=KEY) as client:
        assert await client.result(first["id"], at_least=again["position"]) == LARGE
    second = (await read(with_files, first["id"])).json()
    assert second["input"] == first["input"]
    # The same bytes have the same object.
    assert of_role(second, "input") == of_role(first, "input")
    assert of_role(second, "result")["key"] == of_role(first, "result")["key"]


async def test_a_batch_may_have_large_inputs_among_small_ones(with_files: Cluster) -> None:
    texts = ["small", LARGE, "small too"]
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    sent = await with_files.http.post(
        "/api/v1/batches?kind=repeat_text", content=lines, headers={"Content-Type": "application/x-ndjson"}
    )
    assert sent.status_code == 202, sent.text
    batch = sent.json()["id"]
    done = [await with_files.outcome(f"{batch}-{index}") for index in range(len(texts))]
    assert [each["result"] for each in done] == texts
    assert [len(each["files"]) for each in done] == [0, 2, 0]


async def test_a_key_makes_one_task_of_a_large_input(with_files: Cluster) -> None:
    body = {"kind": "repeat_text", "input": {"text": LARGE}}
    key = {"Idempotency-Key": "large-once"}
    first, again = [await with_files.http.post("/api/v1/tasks", json=body, headers=key) for _ in range(2)]
    assert (first.status_code, again.status_code, again.json()["id"]) == (202, 200, first.json()["id"])
    other = await with_files.http.post("/api/v1/tasks", json=body | {"input": {"text": LARGE + "!"}}, headers=key)
    check_problem(other, 422, "idempotency_key_reused")
    assert (await with_files.outcome(first.json()["id"]))["result"] == LARGE


async def test_a_large_input_that_its_key_refuses_leaves_nothing_in_the_store(with_files: Cluster) -> None:
    key = {"Idempotency-Key": "large-other"}
    bodies = [{"kind": "repeat_text", "input": {"text": LARGE + more}} for more in ("", "other")]
    first = (await with_files.http.post("/api/v1/tasks", json=bodies[0], headers=key)).json()["id"]
    refused = await with_files.http.post("/api/v1/tasks", json=bodies[1], headers=key)
    check_problem(refused, 422, "idempotency_key_reused")
    assert len(list(place_of_objects(with_files).rglob(f"{first}-input-*"))) == 1


async def test_an_input_that_is_gone_when_its_task_runs_fails_it_at_once(with_files: Cluster) -> None:
    body = {"kind": "repeat_text", "input": {"text": LARGE}, "delay": 2}
    task = (await with_files.http.post("/api/v1/tasks", json=body)).json()["id"]

    async def shown() -> bool:
        return (await read(with_files, task)).status_code == 200

    await until(shown, "the task to be projected")
    object_of(with_files, (await read(with_files, task)).json(), "input").unlink()
    assert (await read(with_files, task)).json()["input"] is None
    found = await with_files.outcome(task)
    assert (found["state"], found["attempt"], found["error"]["code"]) == ("failed", 1, "input_missing")
    assert found["error"]["message"].startswith("The storage of files has lost the input, which was files/")


async def test_bytes_that_are_not_those_of_a_result_are_not_shown(with_files: Cluster) -> None:
    found = await run(with_files, "repeat_text", text=LARGE)
    stored = object_of(with_files, found, "result")
    stored.write_bytes(stored.read_bytes().replace(b"abc", b"cba"))
    check_problem(await read(with_files, found["id"]), 503, "objects_unavailable")
    stored.unlink()
    problem = check_problem(await read(with_files, found["id"]), 410, "value_missing")
    assert "run the task again" in problem["detail"]


async def test_a_result_of_more_than_an_answer_has_is_downloaded(with_files: Cluster) -> None:
    found = await run(with_files, "repeat_text", text=LARGE, times=20)
    assert (found["state"], found["result"]) == ("succeeded", None)
    assert of_role(found, "result")["size"] > ANSWER_BYTES_MAX
    async with Client(with_files.url, key=KEY) as client:
        assert await client.result(found["id"]) == LARGE * 20


@pytest.mark.parametrize("way", ["--follow", "--wait"])
async def test_the_command_line_prints_a_large_result(with_files: Cluster, way: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "headrace",
            "submit",
            "repeat_text",
            "--input",
            json.dumps({"text": "ab", "times": 200_000}),
            way,
        ),
        env=os.environ | {"HEADRACE_URL": with_files.url, "HEADRACE_API_KEY": KEY},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    shown, said = await process.communicate()
    assert process.returncode == 0, said
    assert json.loads(shown) == "ab" * 200_000


@pytest.mark.slow
@pytest.mark.invariant(7)
async def test_a_replay_of_the_log_gives_the_same_tasks_with_large_values(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    _, _, projector = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    first = await run(cluster, "repeat_text", text=LARGE, fail_first=True)
    again = (await cluster.http.post(f"/api/v1/tasks/{first['id']}/runs")).json()
    async with Client(cluster.url, key=KEY) as client:
        await client.ended(first["id"], at_least=again["position"])
    before = await cluster.rows("SELECT * FROM tasks"), await cluster.rows("SELECT * FROM files ORDER BY id")
    assert len(before[1]) == 2
    await projector.stop()
    await cluster.execute("TRUNCATE tasks, task_events, projection, files")
    await cluster.start("projector")

    async def as_before() -> bool:
        return (
            await cluster.rows("SELECT * FROM tasks"),
            await cluster.rows("SELECT * FROM files ORDER BY id"),
        ) == before

    await until(as_before, "the same rows")
    assert (await read(cluster, first["id"])).json()["result"] == LARGE


@pytest.mark.slow
async def test_without_a_store_the_limits_of_the_log_stand_and_say_so(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(HEADRACE_OBJECTS_URL="")
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    for kind in FORMS:
        found = await run(cluster, kind, text=LARGE)
        assert (found["state"], found["error"]["code"]) == ("failed", "result_too_large")
        assert found["error"]["message"].endswith("its result has 655,362 bytes; a result has at most 524,288.")
        assert found["input"] == {"text": LARGE}
    too_large = {"kind": "repeat_text", "input": {"text": "x" * (ANSWER_BYTES_MAX - 1000)}}
    problem = check_problem(await cluster.http.post("/api/v1/tasks", json=too_large), 413, "too_large")
    assert "or set up object storage (HEADRACE_OBJECTS_URL)" in problem["detail"]
