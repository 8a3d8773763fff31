"""The built app, Chromium, and installations that serve the app."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser

from headrace import web_place
from headrace.embedded.network import free_ports
from headrace.embedded.web_app import bring_up_to_date
from tests.browser.page import chromium
from tests.cluster import Cluster
from tests.conftest import MakeCluster, ShareCluster
from tests.waiting import until
from tests.web.installation import Mock, Web

MakeWeb = Callable[..., Awaitable[Web]]


@pytest.fixture(scope="session")
async def built_app() -> None:
    """The app as its sources are now, built once for all test processes."""
    frontend, said = web_place.sources(), list[str]()
    assert frontend is not None
    if not await bring_up_to_date(frontend, said.append):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("\n".join(said))


@pytest.fixture(scope="session")
async def shown_browser(built_app: None) -> AsyncGenerator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
async def web_cluster(built_app: None, share_cluster: ShareCluster) -> AsyncGenerator[Cluster]:
    """Everything running, for tests that leave it as it is. Its workers run the kinds of `tests.kinds`."""
    async with share_cluster("api", "worker", "projector") as cluster:
        yield cluster


@pytest.fixture
async def web(steady: None, shown_browser: Browser, web_cluster: Cluster) -> AsyncGenerator[Web]:
    """An installation that a test leaves as it is, but for what belongs to its own accounts."""
    made = Web(shown_browser, web_cluster)
    yield made
    await made.close()


@pytest.fixture
async def make_web(steady: None, shown_browser: Browser, make_cluster: MakeCluster) -> AsyncGenerator[MakeWeb]:
    """Make installations that a test may break, with the processes and the settings that it names."""
    async with AsyncExitStack() as stack:

        async def make(*processes: str, **environ: str) -> Web:
            cluster = await make_cluster(**environ)
            await cluster.start(*processes)
            if "worker" in processes and "api" in processes:
                await cluster.until_kinds_known()
            made = Web(shown_browser, cluster)
            stack.push_async_callback(made.close)
            return made

        yield make


@pytest.fixture(scope="session")
async def mock_url(built_app: None) -> AsyncGenerator[str]:
    """Where Vite serves the built app on golden examples."""
    frontend, (port,) = web_place.sources(), free_ports(1)
    node = shutil.which("node")
    assert frontend is not None
    assert node is not None
    process = await asyncio.create_subprocess_exec(
        *(node, "node_modules/vite/bin/vite.js", "preview", "--mode", "mock", "--host", "127.0.0.1", "--strictPort"),
        *("--port", str(port)),
        cwd=frontend,
        stdout=asyncio.subprocess.DEVNULL,
    )

    async def answers() -> bool:
        assert process.returncode is None, "vite has ended"
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await until(answers, "vite")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
async def mock(steady: None, shown_browser: Browser, mock_url: str) -> AsyncGenerator[Mock]:
    made = Mock(shown_browser, mock_url)
    yield made
    await made.close()
