"""Kinds that open and save files: on the event loop, in a thread and in a process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import uuid_utils

from headrace.contracts.events import Stored, decode, encode
from headrace.contracts.large_values import INLINE_BYTES_MAX
from headrace.identity.principals import LOCAL
from tests.cluster import Cluster
from tests.conftest import MakeCluster, make_place
from tests.flow.files.steps import add_file, named, place_of_objects, read_stored
from tests.screens import show
from tests.waiting import until

FORMS = ("copy_file", "copy_file_in_thread", "copy_file_in_process")
WHOLE = b"0123456789" * 300_000  # three chunks


def new_id() -> str:
    return str(uuid_utils.uuid7())


async def events_of(cluster: Cluster, task: str, name: str = "stored") -> list[Any]:
    return [decode(record.payload) for record in await cluster.events(f"hr.tasks.{name}.*.*.*.{task}")]


async def file_rows(cluster: Cluster, task: str) -> list[dict[str, Any]]:
    return await cluster.rows(f"SELECT * FROM files WHERE task = '{task}' ORDER BY id")


async def run(cluster: Cluster, kind: str, **given: Any) -> dict[str, Any]:
    return await cluster.outcome((await cluster.submit(kind, **given))["id"])


@pytest.mark.parametrize("kind", FORMS)
async def test_a_handler_reads_a_file_of_its_owner_and_saves_others_beside_its_task(
    with_files: Cluster, kind: str
) -> None:
    source = await add_file(with_files, new_id(), WHOLE)
    found = await run(with_files, kind, source=source)
    assert found["state"] == "succeeded", found
    assert found["title"] == "source.txt"
    files = named(found)
    assert {name: each["size"] for name, each in files.items()} == dict.fromkeys(
        ("bytes.txt", "path.txt", "copy.txt"), len(WHOLE)
    )
    for each in files.values():
        assert read_stored(with_files, each["id"]) == WHOLE
    assert files["copy.txt"]["id"] == found["result"]["file"]
    shown = (await show(with_files.http, "member/files", limit=200))["items"]
    assert {each["id"] for each in shown if each["task"] == {"id": found["id"], "name": "source.txt"}} == {
        each["id"] for each in files.values()
    }
    rows = await file_rows(with_files, found["id"])
    assert {row["id"] for row in rows} == {each["id"] for each in files.values()}
    assert {(row["state"], row["owner"], row["sha256"]) for row in rows} == {
        ("ready", LOCAL, files["copy.txt"]["checksum"])
    }
    # The local copies have gone with the attempt.
    directory = Path(found["result"]["directory"])
    assert str(directory).startswith(with_files.environ["HEADRACE_WORKER_SCRATCH"])
    await until(lambda: not directory.exists(), "the local copies to go")


@pytest.mark.parametrize("kind", FORMS)
async def test_a_file_that_is_gone_when_the_task_runs_fails_it_at_once(with_files: Cluster, kind: str) -> None:
    source = await add_file(with_files, new_id(), b"here")
    (place_of_objects(with_files) / "files" / LOCAL / source / "file.json").unlink()
    found = await run(with_files, kind, source=source)
    assert (found["state"], found["attempt"], found["error"]["code"]) == ("failed", 1, "raised")
    assert found["error"]["message"] == f"FileMissing: there is no file '{source}'; it may have been deleted"


@pytest.mark.parametrize("kind", FORMS)
async def test_a_file_whose_bytes_are_not_those_that_were_saved_fails_the_attempt(
    with_files: Cluster, kind: str
) -> None:
    source = await add_file(with_files, new_id(), b"here")
    (place_of_objects(with_files) / "files" / LOCAL / source / "content").write_bytes(b"her?")
    found = await run(with_files, kind, source=source)
    assert (found["state"], found["attempt"]) == ("failed", 3)
    assert "is not what was saved; but this was attempt 3 of 3" in found["error"]["message"]


async def test_a_file_that_a_later_attempt_saves_takes_the_place_of_the_one_before(with_files: Cluster) -> None:
    found = await run(with_files, "save_twice", name="a.txt")
    assert (found["state"], found["attempt"]) == ("succeeded", 2)
    (saved,) = named(found).values()
    assert read_stored(with_files, saved["id"]) == b"of attempt 2"
    assert [row["id"] for row in await file_rows(with_files, found["id"])] == [saved["id"]]
    assert len(await events_of(with_files, found["id"])) == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "1 to 255 characters"), ("../up", "has no '/'"), ("a\nb", "has no '\\n'"), ("x" * 256, "this one has 256")],
)
async def test_a_name_that_no_file_has_fails_the_task_with_a_sentence(
    with_files: Cluster, name: str, words: str
) -> None:
    found = await run(with_files, "save_in_process", name=name)
    assert found["error"]["message"].startswith("ValueError: the name of a file")
    assert words in found["error"]["message"]


async def test_a_name_may_have_letters_of_all_scripts_and_a_file_no_bytes(with_files: Cluster) -> None:
    name = "Žluťoučký 報告 🐎.txt"
    found = await run(with_files, "save_in_thread", name=name, size=0)
    (saved,) = named(found).values()
    assert (saved["name"], saved["size"], read_stored(with_files, saved["id"])) == (name, 0, b"")


@pytest.mark.slow
async def test_a_kind_that_saves_where_no_files_are_kept_fails_with_a_sentence(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(HEADRACE_OBJECTS_URL="")
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    for kind in ("save_in_thread", "save_in_process", "save_file"):
        found = await run(cluster, kind)
        assert (found["state"], found["attempt"]) == ("failed", 1)
        assert found["error"]["message"] == (
            "NoFileStore: this installation keeps no files; set HEADRACE_OBJECTS_URL for its workers and its API"
        )


async def test_the_files_of_a_task_go_with_it(with_files: Cluster) -> None:
    found = await run(with_files, "talk_and_save", text="x" * (INLINE_BYTES_MAX + 1))
    other = await run(with_files, "save_in_thread")
    assert {each["role"] for each in found["files"]} == {None, "log", "output", "input", "result"}
    assert len(await file_rows(with_files, found["id"])) == 5
    objects = [place_of_objects(with_files) / each["key"] for each in found["files"]]
    assert all(each.exists() for each in objects)
    assert (await with_files.http.delete(f"/api/v1/tasks/{found['id']}")).status_code == 204
    assert not any(each.exists() for each in objects)
    assert not any((each.parent / "file.json").exists() for each in objects)
    assert read_stored(with_files, named(other)["result.bin"]["id"]) == bytes(4)

    async def gone() -> bool:
        return not await file_rows(with_files, found["id"])

    await until(gone, "the rows of the files to go")


@pytest.mark.slow
async def test_a_replay_of_the_log_gives_the_same_rows_of_files(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(HEADRACE_OBJECTS_URL=f"file://{make_place()}")
    _, _, projector = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    uploaded = await add_file(cluster, new_id(), b"mine")
    done = [
        await run(cluster, "save_twice"),
        await run(cluster, "talk_and_keep"),
        await run(cluster, "copy_file", source=uploaded),
    ]
    deleted = await run(cluster, "save_in_thread")
    await cluster.http.delete(f"/api/v1/tasks/{deleted['id']}")

    async def is_deleted() -> bool:
        return not await file_rows(cluster, deleted["id"])

    await until(is_deleted, "the deletion")
    before = await cluster.rows("SELECT * FROM files ORDER BY id")
    assert len(before) == 1 + 1 + 2 + 3
    await projector.stop()
    await cluster.execute("TRUNCATE tasks, task_events, projection; DELETE FROM files WHERE task IS NOT NULL")
    await cluster.start("projector")
    await cluster.outcome(done[-1]["id"])

    async def as_before() -> bool:
        return await cluster.rows("SELECT * FROM files ORDER BY id") == before

    await until(as_before, "the same rows")


async def test_a_stored_event_changes_no_file_of_somebody_else(with_files: Cluster) -> None:
    """Whoever may write to the log may name any id there."""
    theirs = await add_file(with_files, new_id(), b"theirs", owner="somebody-else")
    waiting = await with_files.submit("wait", name="gate-foreign")

    async def started() -> bool:
        return bool(await events_of(with_files, waiting["id"], "started"))

    await until(started, "the start")
    event = Stored(attempt=1, file=theirs, key="k", name="n", size=1, media_type="text/plain", checksum="c")
    subject = f"hr.tasks.stored.wait.normal.{LOCAL}.{waiting['id']}"
    await with_files.log.appender.append(subject, encode(event), {})
    with_files.open_gate("gate-foreign")
    await with_files.outcome(waiting["id"])
    (row,) = await with_files.rows(f"SELECT owner, name, task FROM files WHERE id = '{theirs}'")
    assert row == {"owner": "somebody-else", "name": "source.txt", "task": None}
