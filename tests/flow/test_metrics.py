"""What Prometheus is shown by a whole Headrace, and that the dashboards and alerts are about nothing else."""

from __future__ import annotations

import re

from tests.cluster import Cluster
from tests.monitoring.files import alert_queries, family_of, metrics_in, needs_promtool, panel_queries, promtool
from tests.unit.metrics.samples import samples_in
from tests.waiting import until

BY_PROCESS = ("api", "worker", "projector")
OF_NATS = {"jetstream_stream_total_messages"}  # by the exporter of NATS
UNUSED = {  # by any panel or alert: for questions that come once
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
}


async def page_of(cluster: Cluster, process: str) -> str:
    # Other tests may have started a second one beside it.
    member = next(member for member in cluster.members if member.name == process)
    answer = await cluster.http.get(f"http://{member.address}/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return answer.text


async def families_of(cluster: Cluster) -> set[str]:
    pages = [await page_of(cluster, process) for process in BY_PROCESS]
    return {family_of(name) for page in pages for name in re.findall(r"^# TYPE (\S+)", page, re.MULTILINE)}


async def test_dashboards_and_alerts_read_what_the_processes_show_and_nothing_of_that_is_left_out(
    cluster: Cluster,
) -> None:
    shown = await families_of(cluster)
    read = {family_of(name) for query in panel_queries() + alert_queries() for name in metrics_in(query.expression)}
    assert read - shown == OF_NATS
    assert shown - read == UNUSED


@needs_promtool
async def test_promtool_has_nothing_to_say_about_any_page(cluster: Cluster) -> None:
    await cluster.outcome((await cluster.submit("noop"))["id"])
    for process in BY_PROCESS:
        page = await page_of(cluster, process)
        assert promtool("check", "metrics", given=page) == "", process


async def test_a_task_is_counted_by_every_process_that_had_to_do_with_it(cluster: Cluster) -> None:
    async def counted() -> dict[str, float]:
        pages = [await page_of(cluster, process) for process in BY_PROCESS]
        return {name: value for page in pages for name, value in samples_in(page.encode()).items()}

    seen = {
        "headrace_tasks_submitted_total:talk:normal": 2,
        "messaging_process_duration_seconds_count:talk:succeeded": 2,
        "headrace_task_wait_seconds_count:talk:normal": 2,
        "headrace_task_total_seconds_count:talk:succeeded": 2,
        "http_server_request_duration_seconds_count:POST:202:/api/v1/tasks": 2,
    }
    before = await counted()
    for _ in range(2):
        await cluster.outcome((await cluster.submit("talk"))["id"])

    async def grown() -> bool:
        now = await counted()
        return all(now.get(name, 0) >= before.get(name, 0) + more for name, more in seen.items())

    await until(grown, "every process to show the tasks")
    now = await counted()
    assert now["headrace_projector_leading"] == 1
    assert now["headrace_log_available"] == 1
    assert now["headrace_worker_slots:two_at_a_time"] == 2
    assert now["headrace_kind_running_limit:two_at_a_time:all"] == 2


async def test_a_refused_submission_is_counted_by_its_reason(cluster: Cluster) -> None:
    name = "headrace_submissions_refused_total:unknown_kind"
    before = samples_in((await page_of(cluster, "api")).encode()).get(name, 0)
    answer = await cluster.http.post("/api/v1/tasks", json={"kind": "nobody_runs_this", "input": {}})
    assert answer.status_code == 422

    async def counted() -> bool:
        return samples_in((await page_of(cluster, "api")).encode()).get(name, 0) > before

    await until(counted, "the refusal to be shown")
