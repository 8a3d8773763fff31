from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from headrace.cli.terminal.cluster import processes
from headrace.cli.terminal.doctor.nats import ask_kinds
from headrace.cli.terminal.doctor.report import Report
from headrace.cli.terminal.doctor.show import text_of
from headrace.client import Client
from headrace.contracts.run_time_settings import Retention
from headrace.lag.percentiles import nothing_known
from headrace.lag.reading import Observed, Observer
from headrace.log.connection import Log
from tests.cli.conftest import Shell, Up
from tests.cli.lanes import lane, observed
from tests.conftest import MakeCluster
from tests.waiting import until


async def test_the_doctor_collects_everything_of_a_machine_that_is_well_and_no_secret(up: Up, client: Client) -> None:
    await client.result((await client.submit("shout", {"text": "ha"})).id)
    secret = up.home.nats_password("operator")
    shell = Shell(up.shell.environ | {"HEADRACE_API_KEY": up.key, "HEADRACE_LIMITS_READS": "4000"})

    async def is_projected() -> bool:
        rows = json.loads((await shell.call("lag", "--json")).out)
        return any(row["name"] == "shout" and row["run_p95_seconds"] is not None for row in rows)

    await until(is_projected, "the task in the read model")
    done = await shell.call("doctor", "--json")
    report = json.loads(done.out)
    assert (done.code, report["findings"]) == (0, [])
    assert None not in report["versions"].values()
    assert report["versions"].keys() == {"Headrace", "Python", "NATS", "Postgres"}
    assert report["settings"]["HEADRACE_API_KEY"] == "(hidden)"
    assert report["settings"]["HEADRACE_LIMITS_READS"] == "4000"
    assert {each["name"] for each in report["streams"]} >= {"HEADRACE", "KV_HEADRACE_KINDS", "HEADRACE_COMPARED"}
    kinds = {each["name"]: each for each in report["kinds"]}
    assert kinds.keys() >= {"shout", "projector"}
    assert kinds["shout"]["wait_p95_seconds"] >= 0
    assert kinds["shout"]["run_p95_seconds"] >= 0
    assert report["revision"]["database"] == report["revision"]["needed"]
    assert report["clocks"].keys() == {"NATS", "Postgres"}
    assert report["nats_servers"][0]["disk_max"] > 0
    text = await shell.call("doctor")
    assert text.code == 0
    assert text.out.rstrip().endswith("nothing is wrong")
    assert report["retention"] == {"days": 90, "kinds": {}}
    assert "kept  90 days after they finish" in text.out
    for shown in (done.out, text.out, text.err):
        assert secret not in shown
        assert up.key not in shown


async def test_the_doctor_says_what_does_not_answer_and_collects_the_rest(place: Path) -> None:
    environ = {
        "HEADRACE_NATS_URL": "nats://me:hunter2@127.0.0.1:1",
        "HEADRACE_DATABASE_URL": "postgresql://me:hunter2@127.0.0.1:1/x",
        "HEADRACE_HOME": str(place),
        "HEADRACE_API_BIND": "nonsense",
    }
    done = await Shell(environ).call("doctor")
    assert done.code == 1
    assert "4 to look at:" not in done.out
    assert "3 to look at:" in done.out
    for said in ("settings: HEADRACE_API_BIND", "NATS: NATS cannot be reached", "Postgres: it cannot be used"):
        assert said in done.out
    assert "hunter2" not in done.out + done.err


async def test_a_worker_that_does_not_run_is_missed_although_no_task_waits_for_it(
    make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "PATIENCE_SECONDS", 0.0)
    cluster = await make_cluster()
    shell = Shell(cluster.environ | {"HEADRACE_NATS_USER": "operator"})
    assert await missed(shell) == []
    api, worker = await cluster.start("api", "worker")
    await cluster.until_kinds_known()
    assert await missed(shell) == []
    await worker.stop()
    await until(lambda: missed(shell), "a finding about the worker")
    assert await missed(shell) == ["no worker runs"]
    await api.stop()
    assert await missed(shell) == ["no api runs", "no worker runs"]


async def missed(shell: Shell) -> list[str]:
    """What the doctor says about processes."""
    done = await shell.call("doctor", "--json")
    found = [each for each in json.loads(done.out)["findings"] if each["about"] == "processes"]
    assert done.code == 1 or not found
    assert all(each["remedy"].startswith("start one: `headrace ") for each in found)
    return [each["what"] for each in found]


def report(**known: Any) -> Report:
    return Report(at=datetime.now(UTC), **known)


def test_each_kind_that_is_kept_for_another_time_has_a_line() -> None:
    kept = report(retention=Retention(days=0, kinds={"shout": 1, "bill": 1_000, "note": 0}))
    assert text_of(kept).splitlines()[:6] == [
        "",
        "finished tasks in lists",
        "  kept           for ever; `retention` of /api/v1/admin/settings changes it",
        "  kept of bill   1,000 days after they finish",
        "  kept of note   for ever",
        "  kept of shout  1 day after they finish",
    ]


def test_what_is_not_known_is_left_out() -> None:
    assert text_of(report()).splitlines() == ["", "nothing is wrong"]


def test_a_clock_that_is_right_is_no_negative_zero() -> None:
    found = report()
    found.note_clock("NATS", -0.0004)
    assert "NATS  +0.000 s" in text_of(found)
    assert not found.findings


async def test_what_is_wrong_with_a_kind_is_told_apart_from_what_to_do() -> None:
    class Known(Observer):
        async def observe(self) -> Observed:
            return observed(lane(queued=5), lane(None, durable="projector", priority=None, pulls=1))

    found = report()
    await ask_kinds(found, Known(cast("Log", None), nothing_known))
    (finding,) = found.findings
    assert (finding.what, finding.remedy) == ("echo: no workers: 5 tasks are queued", "start a worker that runs echo")
