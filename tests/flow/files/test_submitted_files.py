"""`headrace submit --file`: a file of this machine becomes part of an input."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headrace.cli import cli
from tests.accounts import KEY
from tests.cluster import Cluster


async def run(cluster: Cluster, *arguments: str) -> Result:
    runner = CliRunner(env={"HEADRACE_URL": cluster.url, "HEADRACE_API_KEY": KEY})
    return await asyncio.to_thread(runner.invoke, cli, arguments)


async def submit(cluster: Cluster, *arguments: str) -> Result:
    return await run(cluster, "submit", *arguments)


async def test_a_file_is_uploaded_and_named_by_the_only_field_that_takes_one(
    with_files: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "a=b").mkdir()
    (tmp_path / "a=b" / "source.txt").write_text("some text")
    done = await submit(with_files, "copy_file", "--file", f"{tmp_path}/a=b/source.txt", "--wait")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["size"] == 9


async def test_of_several_fields_the_one_that_is_meant_is_said(with_files: Cluster, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("some text")
    (tmp_path / "b.txt").write_text("other text")
    unclear = await submit(with_files, "name_files", "--file", str(tmp_path / "a.txt"))
    assert (unclear.exit_code, unclear.stderr) == (
        2,
        "'name_files' has several fields for files; say --file FIELD=PATH, of left, right\n",
    )
    both = ("--file", f"right={tmp_path}/b.txt", "--file", f"left={tmp_path}/a.txt")
    done = await submit(with_files, "name_files", *both, "--wait")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == ["a.txt", "b.txt"]


async def test_a_list_has_every_file_that_is_given_and_no_file_stands_for_results(
    with_files: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("some text")
    (tmp_path / "b.txt").write_text("other text")
    each = ("--file", f"{tmp_path}/a.txt", "--file", f"files={tmp_path}/b.txt")
    done = await submit(with_files, "gather_files", *each, "--wait")
    assert (done.exit_code, json.loads(done.stdout)) == (0, ["a.txt", "b.txt"]), done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["noop", "--file", "{place}/a.txt"],
            "the kind 'noop' takes no file in a field of its own; submit it without --file",
        ),
        (["nope", "--file", "{place}/a.txt"], "there is no kind 'nope'; `headrace kinds` lists them"),
        (["copy_file", "--file", "source={place}/b.txt"], "there is no file '{place}/b.txt'"),
        (
            ["copy_file", "--file", "sources={place}/a.txt"],
            "there is no file 'sources={place}/a.txt', and 'copy_file' has no field 'sources' for files; it has source\n",
        ),
        (
            ["copy_file", "--file", "source={place}/a.txt", "--input", '{{"source": "x"}}'],
            "the field 'source' is given twice",
        ),
    ],
)
async def test_what_cannot_be_put_into_an_input_is_not_uploaded(
    with_files: Cluster, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    (tmp_path / "a.txt").write_text("some text")
    before = (await with_files.http.get("/api/v1/files")).json()["items"]
    done = await submit(with_files, *(each.format(place=tmp_path) for each in arguments))
    assert done.exit_code == 2
    assert done.stderr.startswith(sentence.format(place=tmp_path))
    assert (await with_files.http.get("/api/v1/files")).json()["items"] == before


async def test_without_an_input_and_a_file_it_says_what_is_missing(with_files: Cluster) -> None:
    done = await submit(with_files, "noop")
    assert done.exit_code == 2
    assert "--input" in done.stderr


async def test_a_batch_has_a_task_for_each_file_and_what_they_have_besides(with_files: Cluster, tmp_path: Path) -> None:
    paths = [f"{tmp_path}/{name}/source.txt" for name in ("a", "b")]
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "source.txt").write_text("some text")
    done = await run(with_files, "batch", "copy_file", *paths, "--besides", '{"name": "made.txt"}', "--wait")
    assert done.exit_code == 0, done.stderr
    batch = json.loads(done.stdout)["id"]
    tasks = (await with_files.http.get(f"/api/v1/tasks?batch={batch}")).json()["items"]
    assert [{file["name"] for file in task["files"]} & {"made.txt"} for task in tasks] == [{"made.txt"}] * 2
    unclear = await run(with_files, "batch", "name_files", *paths)
    assert (unclear.exit_code, "name one of left, right" in unclear.stderr) == (2, True)
    clear = await run(with_files, "batch", "name_files", *paths, "--field", "left", "--wait")
    assert clear.exit_code == 0, clear.stderr


@pytest.mark.parametrize(
    "more", [(), ("--input", "-", "FILE"), ("--entries", "FILE"), ("--besides", "{}", "--input", "-")]
)
async def test_a_batch_is_of_lines_or_of_files(with_files: Cluster, tmp_path: Path, more: tuple[str, ...]) -> None:
    (tmp_path / "a.txt").write_text("some text")
    arguments = [each.replace("FILE", f"{tmp_path}/a.txt") for each in more]
    done = await run(with_files, "batch", "copy_file", *arguments)
    assert done.exit_code == 2
    assert "say either --input" in done.stderr
