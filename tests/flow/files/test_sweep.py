"""What is swept away: expired uploads, objects without files, files without objects, and what a killed process left."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.files.file_steps import begin, content_of, put_parts, upload

OLD = 25 * 3600


def age(file: Path) -> None:
    """Make a file of the store older than what the sweep leaves alone."""
    at = time.time() - OLD
    os.utime(file, (at, at))


async def sweep(cluster: Cluster, *arguments: str) -> tuple[list[str], str]:
    """Run the sweep, and return the findings and what it says besides."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "headrace", "files", "sweep", *arguments),
        env=os.environ | cluster.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    shown, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    return shown.decode().splitlines(), said.decode()


@pytest.mark.slow
async def test_what_belongs_to_nothing_is_shown_and_then_removed_and_everything_else_stays(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "projector")
    objects = cluster.place / "objects"
    kept, lost, expired, young = [await upload(cluster.http, b"x" * 9, f"{name}.bin") for name in ("a", "b", "c", "d")]
    open_one = await begin(cluster.http, b"four")
    await put_parts(open_one, b"four")
    owner = kept["owner"]
    await cluster.execute(
        f"UPDATE files SET ready_at = now() - interval '2 days' WHERE id IN ('{kept['id']}', '{lost['id']}')"
    )
    await cluster.execute(
        "UPDATE files SET state = 'uploading', ready_at = NULL, expires_at = now() - interval '1 minute' "
        f"WHERE id = '{expired['id']}'"
    )
    (objects / "files" / owner / lost["id"] / "content").unlink()
    orphan = objects / "files" / owner / "nobodys" / "content"
    left = objects / "quarantine" / owner / kept["id"] / "00001"
    unfinished = objects / "files" / owner / kept["id"] / "content#1"
    recent = objects / "files" / owner / "just-written" / "content"
    for each in (orphan, left, unfinished, recent):
        each.parent.mkdir(parents=True, exist_ok=True)
        each.write_bytes(b"12345")
    for each in (orphan, left, unfinished, objects / "files" / owner / kept["id"] / "content"):
        age(each)

    wanted = {
        f"expired upload  {'9 bytes':>9}  {expired['id']}",
        f"object without a file  {'5 bytes':>9}  files/{owner}/nobodys/content",
        f"object without a file  {'5 bytes':>9}  quarantine/{owner}/{kept['id']}/00001",
        f"file without an object  {'9 bytes':>9}  {lost['id']}",
        f"unfinished write  {'0 bytes':>9}",
    }
    shown, said = await sweep(cluster, "--dry-run")
    assert {line.rstrip() for line in shown} == wanted, said
    assert "would remove 5" in said
    assert orphan.exists()
    shown, said = await sweep(cluster)
    assert {line.rstrip() for line in shown} == wanted, said
    assert not any(each.exists() for each in (orphan, left, unfinished))
    assert not (objects / "files" / owner / expired["id"]).exists() or not list(
        (objects / "files" / owner / expired["id"]).iterdir()
    )
    assert recent.exists()
    for file in (kept, young):
        assert (await content_of(cluster.http, file)).content == b"x" * 9
    for file in (lost, expired):
        assert (await cluster.http.get(f"/api/v1/files/{file['id']}")).status_code == 404
    assert (await cluster.http.get(f"/api/v1/files/{open_one['id']}")).json()["state"] == "uploading"
    assert (await sweep(cluster))[0] == []


@pytest.mark.slow
async def test_a_sweep_before_the_wrong_store_removes_nothing(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "projector")
    objects = cluster.place / "objects"
    for number in range(30):
        each = objects / "files" / "somebody" / f"f{number}" / "content"
        each.parent.mkdir(parents=True)
        each.write_bytes(b"1")
        age(each)
    shown, said = await sweep(cluster)
    assert len(shown) == 30
    assert "30 of 30 objects in files belong to nothing" in said
    assert len(list(objects.rglob("content"))) == 30
    await sweep(cluster, "--most")
    assert list(objects.rglob("content")) == []


@pytest.mark.slow
async def test_files_of_tasks_are_left_alone_while_the_projector_is_behind(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    _, worker, projector = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    await projector.stop()
    await cluster.submit("noop")
    orphan = cluster.place / "objects" / "files" / "somebody" / "of-a-task" / "content"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"1")
    age(orphan)
    shown, said = await sweep(cluster)
    assert (shown, orphan.exists()) == ([], True)
    assert "the projector is behind the log" in said
    assert worker.process.returncode is None
