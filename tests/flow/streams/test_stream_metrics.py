"""What Prometheus is told of the streams of an API process."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families

from headrace.embedded.network import free_ports
from tests.conftest import MakeCluster
from tests.sse import follow
from tests.waiting import until


async def test_streams_are_counted_from_their_opening_to_their_end(make_cluster: MakeCluster) -> None:
    bind = f"127.0.0.1:{free_ports(1)[0]}"
    cluster = await make_cluster(HEADRACE_API_OPS=bind, HEADRACE_CONSUMERS="tests.kinds.plain")
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()

    async with httpx.AsyncClient(base_url=f"http://{bind}") as prometheus:

        async def now() -> dict[str, float]:
            answer = await prometheus.get("/metrics")
            assert answer.status_code == 200
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            families = text_string_to_metric_families(answer.text)
            return {
                ":".join((sample.name.removeprefix("headrace_event_"), *sample.labels.values())): sample.value
                for family in families
                for sample in family.samples
            }

        async def is_open(count: int) -> bool:
            return (await now())["streams"] == count

        assert await is_open(0)
        async with follow(cluster.http, "/api/v1/events") as all_of_it, follow(cluster.http, "/api/v1/events"):
            task = (await cluster.submit("noop"))["id"]
            events = await all_of_it.take(3)
            # A page is kept for a second.
            await until(lambda: is_open(2), "both streams to be shown")
            during = await now()
            assert (during["streams"], during["stream_subscriptions"]) == (2, 1)
            assert during["stream_events_in_total"] == 3
            assert during["stream_events_out_total"] >= 3
            assert 1 <= during["stream_delivery_delay_seconds_count"] <= 6
        async with follow(cluster.http, f"/api/v1/tasks/{task}/events") as one:
            assert await one.rest() == events
        async with follow(cluster.http, f"/api/v1/tasks/{task}/events", after=events[0].id) as resumed:
            assert await resumed.rest() == events[1:]
        async with follow(cluster.http, "/api/v1/events", after=f"{cluster.log.epoch - 1}-7") as lost:
            assert [each.event for each in await lost.take(1)] == ["reset"]

        async def all_over() -> bool:
            found = await now()
            return found["streams"] == 0 and found["stream_subscriptions"] == 0

        await until(all_over, "the streams to be over")
        after = await now()
        assert (after["stream_ends_total:finished"], after["stream_ends_total:left"]) == (2, 3)
        assert (
            after["stream_resumes_total:hit"] + after["stream_resumes_total:gap"],
            after["stream_resumes_total:reset"],
        ) == (1, 1)
        assert (await prometheus.get("/health/ready")).json()["checks"]["log"] == "ok"
