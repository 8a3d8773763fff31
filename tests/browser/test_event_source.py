"""Browser truth: pages with a native `EventSource` end with exactly the log's events, whatever is restarted on the way."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser

from headrace.contracts.positions import Position
from tests.accounts import KEY
from tests.browser.page import Page, chromium, page_at, product
from tests.cluster import Cluster
from tests.conftest import ShareCluster
from tests.flow.life_steps import history
from tests.member import Member
from tests.sse import follow
from tests.typescript import build_client, installed_sources
from tests.waiting import until

_gates = itertools.count(1)


@pytest.fixture(scope="module")
async def browser() -> AsyncGenerator[Browser]:
    async with chromium() as shown:
        yield shown


@pytest.fixture(scope="module")
async def origins() -> AsyncGenerator[tuple[str, str]]:
    """Where the pages of a product come from that may use follow links, and those of one that may not."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(product()), await stack.enter_async_context(product())


@pytest.fixture(scope="module")
async def open_cluster(share_cluster: ShareCluster, origins: tuple[str, str]) -> AsyncGenerator[Cluster]:
    """A cluster that tests may restart, if all of it runs again afterwards."""
    environ = {
        "HEADRACE_API_FOLLOW_SECRETS": "s" * 40,
        "HEADRACE_API_FOLLOW_ORIGINS": origins[0],
        "HEADRACE_CONSUMERS": "tests.kinds.watched",
        "HEADRACE_STREAM_ACK_WAIT": "60",  # a restarted NATS gives out again what was given out longer ago
    }
    async with share_cluster("api", "worker", "projector", **environ) as cluster:
        yield cluster


class Watched:
    """A task that says something at every gate, and a link to it."""

    def __init__(self, cluster: Cluster, task: str, gates: list[str], link: str) -> None:
        self.cluster = cluster
        self.task = task
        self.gates = gates
        self.link = link

    async def passes(self, gate: int) -> int:
        """Let it through a gate; how many events the log has when it has said what it says there."""
        self.cluster.open_gate(self.gates[gate])
        at_least = 2 + 3 * (gate + 1) + (gate + 1 == len(self.gates))  # queued, started, and in the end finished

        async def said() -> int:
            count = len(await history(self.cluster, self.task))
            return count if count >= at_least else 0

        return await until(said, f"the task to pass gate {gate}")


async def watched(cluster: Cluster, gates: int) -> Watched:
    names = [f"gate-{next(_gates)}" for _ in range(gates)]
    task = (await cluster.submit("step_by_step", names=names))["id"]
    answer = await cluster.http.post(f"/api/v1/tasks/{task}/follow-links", json={})
    assert answer.status_code == 201, answer.text
    return Watched(cluster, task, names, answer.json()["url"])


async def nats_is_back(cluster: Cluster) -> None:
    """Wait until everybody has found it, and work is accepted again."""

    async def accepts() -> bool:
        connections = (cluster.log._connection, cluster.log.replayer._connection)
        if not all(connection.is_connected for connection in connections):
            return False
        answer = await cluster.http.post("/api/v1/tasks", json={"kind": "say_nothing", "input": {}})
        return answer.status_code == 202

    await until(accepts, "work to be accepted again")


def api_of(cluster: Cluster) -> Member:
    return [member for member in cluster.members if member.name == "api"][-1]


async def check_all_seen(page: Page, watched: Watched) -> None:
    """The page has the log's events of the task, in order, each once, and whole."""
    seen = await page.seen()
    logged = await history(watched.cluster, watched.task)
    epoch = watched.cluster.log.epoch
    assert [(each.id, each.event) for each in seen] == [
        (str(Position(epoch, each.sequence)), each.name) for each in logged
    ]
    assert {each.data["task"] for each in seen} == {watched.task}
    assert [each.data["message"] for each in seen if each.event == "logged"] == watched.gates
    assert [chunk["gate"] for each in seen if each.event == "emitted" for chunk in each.data["chunks"]] == watched.gates
    assert seen[-1].data["result"] == len(watched.gates)


@pytest.mark.invariant(6)
async def test_a_page_of_another_origin_watches_a_task_to_its_end_although_nats_and_the_api_are_killed_on_the_way(
    open_cluster: Cluster, browser: Browser, origins: tuple[str, str]
) -> None:
    cluster, watch = open_cluster, await watched(open_cluster, 4)
    async with page_at(browser, origins[0]) as page:
        await page.follow(watch.link)
        await page.sees(await watch.passes(0))

        await cluster.nats.kill()
        await cluster.nats.start()
        await nats_is_back(cluster)
        await page.sees(await watch.passes(1))
        assert await page.opened() == 1, "the stream goes on"

        await api_of(cluster).kill()
        await page.loses(1)
        assert await watch.passes(2), "the task goes on"
        await cluster.start("api")
        await page.sees(await watch.passes(3))
        assert await page.opened() == 2
        await check_all_seen(page, watch)


async def test_a_page_asks_once_more_when_its_task_is_over_and_then_never_again(
    open_cluster: Cluster, browser: Browser, origins: tuple[str, str]
) -> None:
    watch = await watched(open_cluster, 1)
    async with page_at(browser, origins[0]) as page:
        await page.follow(watch.link)
        await page.sees(await watch.passes(0))
        await page.closes()
        assert await page.opened() == 1, "the last answer was 204"
        await check_all_seen(page, watch)


FOLLOW_BY_CLIENT = """
(url) => {
  // The shortest pauses before a stream is opened again.
  Math.random = () => 0;
  import("/client/index.js").then(async ({ followLink }) => {
    for await (const event of followLink(url, { reconnects: Infinity })) seen.push([event.position, event.event, JSON.stringify(event)]);
    said.over = true;
  });
}
"""


@pytest.mark.slow
@pytest.mark.invariant(6)
async def test_a_page_that_follows_with_the_client_for_typescript_sees_each_event_once_and_its_loop_ends(
    open_cluster: Cluster, browser: Browser, origins: tuple[str, str], tmp_path: Path
) -> None:
    cluster, watch = open_cluster, await watched(open_cluster, 3)
    built = await build_client(await installed_sources(), tmp_path)
    async with page_at(browser, origins[0]) as page:
        await page.page.route(
            "**/client/*.js", lambda route: route.fulfill(path=built / "dist" / Path(route.request.url).name)
        )
        await page.page.evaluate(FOLLOW_BY_CLIENT, watch.link)
        await page.sees(await watch.passes(0))

        await api_of(cluster).kill()
        assert await watch.passes(1), "the task goes on"
        await cluster.start("api")
        await page.sees(await watch.passes(2))
        await page.page.wait_for_function("() => said.over === true")
        await check_all_seen(page, watch)


@pytest.mark.invariant(6)
async def test_a_page_watches_a_task_to_its_end_over_a_deploy_of_the_api(
    open_cluster: Cluster, browser: Browser, origins: tuple[str, str]
) -> None:
    cluster, watch = open_cluster, await watched(open_cluster, 3)
    async with page_at(browser, origins[0]) as page:
        await page.follow(watch.link)
        await page.sees(await watch.passes(0))

        assert await api_of(cluster).stop() == 0
        await page.loses(1)
        await watch.passes(1)
        await cluster.start("api")
        await page.sees(await watch.passes(2))
        assert await page.opened() == 2
        await check_all_seen(page, watch)


@pytest.mark.invariant(8)
async def test_a_page_of_an_origin_that_is_not_named_sees_nothing(
    open_cluster: Cluster, browser: Browser, origins: tuple[str, str]
) -> None:
    watch = await watched(open_cluster, 1)
    async with page_at(browser, origins[1]) as theirs, page_at(browser, origins[0]) as ours:
        await theirs.follow(watch.link)
        await theirs.closes()
        await ours.follow(watch.link)
        await ours.sees(await watch.passes(0))
        await check_all_seen(ours, watch)
        assert (await theirs.opened(), await theirs.seen()) == (0, [])


@pytest.mark.invariant(8)
async def test_a_page_of_another_origin_can_use_nothing_but_links(
    open_cluster: Cluster, browser: Browser, origins: tuple[str, str]
) -> None:
    watch = await watched(open_cluster, 1)
    async with page_at(browser, origins[0]) as page:
        for path in (f"tasks/{watch.task}/events", "events", f"follow/tasks/{watch.task}/events"):
            await page.follow(f"{open_cluster.url}/api/v1/{path}")
            await page.closes()
        assert (await page.opened(), await page.seen()) == (0, [])
    await watch.passes(0)


@pytest.mark.invariant(6)
async def test_a_page_of_the_apis_own_origin_follows_some_events_of_a_kind(
    open_cluster: Cluster, browser: Browser
) -> None:
    cluster = open_cluster
    async with page_at(browser, f"{cluster.url}/health/live", key=KEY) as page:
        await page.follow("/api/v1/events?kind=step_by_step&event=started&event=emitted&event=finished")
        await page.opens(1)
        for _ in range(3):
            await cluster.submit("say_nothing")
        watches = [await watched(cluster, 2) for _ in range(2)]
        for gate in range(2):
            for watch in watches:
                await watch.passes(gate)
        await cluster.all_finished(watch.task for watch in watches)
        logged = [each for watch in watches for each in await history(cluster, watch.task)]
        expected = sorted(
            (each.sequence, each.name) for each in logged if each.name in ("started", "emitted", "finished")
        )
        seen = await page.sees(len(expected))
    assert [(each.sequence, each.event) for each in seen] == expected


@pytest.mark.invariant(6)
async def test_a_page_that_comes_while_nats_is_away_goes_on_when_it_is_back(
    open_cluster: Cluster, browser: Browser, origins: tuple[str, str]
) -> None:
    cluster, watch = open_cluster, await watched(open_cluster, 1)
    async with page_at(browser, origins[0]) as page:
        await cluster.nats.kill()
        try:
            await page.follow(watch.link)
            await page.is_told("log_unavailable")
            given_up = await page.has_given_up()
        finally:
            await cluster.nats.start()
            await nats_is_back(cluster)
            count = await watch.passes(0)
        assert not given_up
        await page.sees(count)
        await check_all_seen(page, watch)


@pytest.mark.slow
async def test_a_page_over_the_limit_is_told_so_and_comes_back_by_itself_when_there_is_a_place(
    open_cluster: Cluster, browser: Browser
) -> None:
    cluster, ada = open_cluster, await open_cluster.make_user()
    settings = "/api/v1/admin/settings"
    etag = (await cluster.http.get(settings)).headers["ETag"]
    limited = {"own_limits": {ada.id: {"streams": 1}}}
    assert (await cluster.http.put(settings, json=limited, headers={"If-Match": etag})).status_code == 200
    http = cluster.http_as(ada.key)
    async with page_at(browser, f"{cluster.url}/health/live", key=ada.key) as page:
        async with follow(http, "/api/v1/events"):
            await page.follow("/api/v1/events")
            await page.is_told("too_many_requests")
            assert not await page.has_given_up()
        await page.opens(2)
        assert (await http.post("/api/v1/tasks", json={"kind": "say_nothing", "input": {}})).status_code == 202
        await page.sees(1)
