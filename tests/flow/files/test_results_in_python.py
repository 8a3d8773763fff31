"""Batches over files and the results of batches, from Python and from the command line."""

from __future__ import annotations

import asyncio
import json

from click.testing import CliRunner, Result

from headrace.cli import cli
from headrace.client import Client
from headrace.contracts.batches import Batch, BatchState
from tests.accounts import KEY
from tests.cluster import Cluster
from tests.flow.files.steps import add_file
from tests.flow.files.test_files_of_tasks import new_id


async def copied(client: Client, cluster: Cluster, count: int) -> Batch:
    """A settled batch over some files."""
    files = [await add_file(cluster, new_id(), b"text") for _ in range(count)]
    batch = await client.batch_of_files("copy_file", files, {"name": "made.txt"}, field="source", key=new_id())
    while batch.state is not BatchState.SETTLED:
        batch = await client.get_batch(batch.id, wait=10)
    return batch


async def command(cluster: Cluster, *arguments: str) -> Result:
    runner = CliRunner(env={"HEADRACE_URL": cluster.url, "HEADRACE_API_KEY": KEY})
    return await asyncio.to_thread(runner.invoke, cli, arguments)


async def test_the_client_submits_files_and_reads_what_became_of_each(with_files: Cluster) -> None:
    async with Client(with_files.url, key=KEY) as client:
        batch = await copied(client, with_files, 3)
        found = [each async for each in client.batch_results(batch.id)]
        assert [(each.index, each.task, each.title) for each in found] == [
            (index, f"{batch.id}-{index}", "made.txt") for index in range(3)
        ]
        task = await client.submit("sum_results", {}, results_of=batch.id, key=new_id())
        assert await client.result(task.id) == {"tasks": 3, "failed": 0, "bytes": 36}


async def test_the_command_prints_a_line_for_each_task_and_another_submits_a_task_about_them(
    with_files: Cluster,
) -> None:
    async with Client(with_files.url, key=KEY) as client:
        batch = await copied(client, with_files, 2)
    shown = await command(with_files, "results", batch.id)
    assert shown.exit_code == 0, shown.stderr
    assert [json.loads(line)["index"] for line in shown.stdout.splitlines()] == [0, 1]
    done = await command(with_files, "submit", "sum_results", "--results-of", batch.id, "--wait")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["tasks"] == 2


async def test_results_of_an_unknown_batch_are_refused_with_a_sentence(with_files: Cluster) -> None:
    shown = await command(with_files, "results", "b-1")
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "there is no batch 'b-1'" in shown.stderr
