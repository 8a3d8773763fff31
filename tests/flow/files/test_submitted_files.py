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


async def submit(cluster: Cluster, *arguments: str) -> Result:
    runner = CliRunner(env={"HEADRACE_URL": cluster.url, "HEADRACE_API_KEY": KEY})
    return await asyncio.to_thread(runner.invoke, cli, ["submit", *arguments])


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
