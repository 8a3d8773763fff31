"""Files from Python and from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.client import Client, ProblemError, UnusableRequest
from headrace.contracts.files import FileState
from tests.accounts import KEY
from tests.cli.conftest import Shell
from tests.cluster import Cluster
from tests.flow.files.file_steps import begin, sha256_of, two_parts


async def test_a_file_goes_to_a_directory_and_comes_back_with_its_progress(cluster: Cluster, tmp_path: Path) -> None:
    await goes_up_and_comes_down(cluster, tmp_path)


async def test_a_file_goes_to_s3_and_comes_back_with_its_progress(in_s3: Cluster, tmp_path: Path) -> None:
    await goes_up_and_comes_down(in_s3, tmp_path)


async def goes_up_and_comes_down(cluster: Cluster, tmp_path: Path) -> None:
    content = two_parts()
    (tmp_path / "large.bin").write_bytes(content)
    seen: list[tuple[int, int]] = []
    async with Client(cluster.url, key=KEY) as client:
        file = await client.files.upload(
            tmp_path / "large.bin", on_progress=lambda there, size: seen.append((there, size))
        )
        assert (file.name, file.sha256, file.state) == ("large.bin", sha256_of(content), FileState.READY)
        assert (seen[0], seen[-1]) == ((0, len(content)), (len(content), len(content)))
        assert await client.files.download(file.id) == content
        assert await client.files.download(file.id, tmp_path / "again.bin") == b""
        assert (tmp_path / "again.bin").read_bytes() == content
        small = await client.files.upload(b"a,b\n", name="small.csv")
        assert small.media_type == "text/csv"
        assert small.id in [each.id async for each in client.files.list(q="small.csv")]
        await client.files.delete(small.id)
        with pytest.raises(ProblemError, match="there is no file"):
            await client.files.download(small.id)


async def test_an_interrupted_upload_goes_on_where_it_stopped(cluster: Cluster, tmp_path: Path) -> None:
    import httpx

    content = two_parts() + b" interrupted"
    (tmp_path / "large.bin").write_bytes(content)
    begun = await begin(cluster.http, content, "large.bin", sha256=sha256_of(content))
    first = begun["upload"]["parts"][0]
    async with httpx.AsyncClient(timeout=60) as plain:
        assert (await plain.put(first["url"], content=content[: first["size"]])).is_success
    seen: list[int] = []
    async with Client(cluster.url, key=KEY) as client:
        file = await client.files.upload(tmp_path / "large.bin", on_progress=lambda there, _: seen.append(there))
    assert (file.id, seen[0]) == (begun["id"], first["size"])


async def test_what_cannot_be_uploaded_is_said_before_anything_is_sent(cluster: Cluster) -> None:
    async with Client(cluster.url, key=KEY) as client:
        with pytest.raises(UnusableRequest, match="cannot be read"):
            await client.files.upload("/nowhere/at-all")
        with pytest.raises(UnusableRequest, match="say what the file is called"):
            await client.files.upload(b"bytes")


async def test_files_on_the_command_line(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shell = Shell({"HEADRACE_URL": cluster.url, "HEADRACE_API_KEY": KEY})

    async def run(*words: str) -> tuple[int, str, str]:
        done = await shell.call("files", *words)
        return done.code, done.out, done.err

    (tmp_path / "table.csv").write_bytes(b"a,b\n1,2\n")
    code, shown, said = await run("put", "table.csv", "--name", "of the [command] line.csv")
    assert (code, said) == (0, "")
    file = shown.strip()
    code, shown, _ = await run("ls", "of the [command]")
    assert code == 0
    assert file in shown
    assert "8 bytes" in shown
    code, shown, _ = await run("get", file)
    assert (code, (tmp_path / "of the [command] line.csv").read_bytes()) == (0, b"a,b\n1,2\n")
    code, _, said = await run("get", file)
    assert code != 0
    assert "is there already" in said
    code, _, said = await run("get", file, "nowhere/")
    assert (code, "there is no directory 'nowhere/': make it first" in said) == (2, True)
    (tmp_path / "there").mkdir()
    assert (await run("get", file, "there/"))[0] == 0
    assert (tmp_path / "there" / "of the [command] line.csv").exists()
    code, shown, _ = await run("rm", file)
    assert (code, shown.strip()) == (0, f"{file} deleted")
    assert (await run("get", file))[0] != 0
