"""Sessions in a browser: what the pages of this site can do with their cookies, and those of other sites cannot."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser
from playwright.async_api import Page as BrowserPage

from tests.browser.page import chromium, page_at, product
from tests.cluster import Cluster
from tests.flow.identity.session_steps import PASSWORD, make_account, make_link

REBOUND = "rebound.example"
# What somebody's page tries: with the cookies of its visitor, in every form that a browser sends without asking first, and with what
# it asks for.
ATTACK = """
async ([api, task]) => {
  const send = (options) => fetch(`${api}/api/v1/tasks`, {method: "POST", credentials: "include", ...options})
    .then((answer) => answer.type, () => "refused");
  const form = Object.assign(document.createElement("form"),
    {method: "post", action: `${api}/api/v1/tasks`, enctype: "text/plain", target: "hidden"});
  const frame = Object.assign(document.createElement("iframe"), {name: "hidden"});
  form.append(Object.assign(document.createElement("input"), {name: task.slice(0, -1) + ',"x":"', value: '"}'}));
  document.body.append(frame, form);
  const sent = new Promise((done) => { frame.onload = done; });
  form.submit();
  await sent;
  return [
    await send({mode: "no-cors", body: task, headers: {"Content-Type": "text/plain"}}),
    await send({mode: "no-cors", body: new URLSearchParams({task})}),
    await send({body: task, headers: {"Content-Type": "application/json"}}),
    await send({body: task, headers: {"Content-Type": "application/json", "X-Headrace-CSRF": "1"}}),
    await fetch(`${api}/api/v1/session`, {credentials: "include"}).then((answer) => answer.status, () => "refused"),
    await fetch(`${api}/api/v1/session`, {method: "DELETE", credentials: "include"}).then((a) => a.status, () => "refused"),
  ];
}
"""
OWN = """
(task) => fetch("/api/v1/tasks", {
  method: "POST", body: task, headers: {"Content-Type": "application/json", "X-Headrace-CSRF": "1"},
}).then((answer) => answer.status)
"""
TASK = '{"kind": "echo", "input": {"text": "hello"}}'


@pytest.fixture(scope="module")
async def browser() -> AsyncGenerator[Browser]:
    async with chromium(f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1") as shown:
        yield shown


async def entered(cluster: Cluster, browser: Browser, user: str) -> BrowserPage:
    """A page on which somebody has signed in with a link."""
    page = await (await browser.new_context(bypass_csp=True)).new_page()
    await page.goto(cluster.url + await make_link(cluster, user, f"browser-{user}"))
    assert urlsplit(page.url).path == "/"
    return page


async def test_a_page_of_another_origin_can_do_nothing_with_the_cookies_of_its_visitor(
    cluster: Cluster, browser: Browser
) -> None:
    user, _ = await make_account(cluster)
    page = await entered(cluster, browser, user)
    async with product() as origin:
        await page.goto(origin)
        outcomes = await page.evaluate(ATTACK, [cluster.url, TASK])
    assert outcomes == ["refused"] * 6
    assert await cluster.events(f"hr.tasks.*.*.*.{user}.*") == []
    await page.goto(f"{cluster.url}/health/live")
    assert await page.evaluate(OWN, TASK) == 202, "it is still signed in, and its own page may"
    await page.context.close()


async def test_a_page_whose_name_is_made_to_resolve_to_this_machine_reaches_nothing(
    cluster: Cluster, browser: Browser
) -> None:
    user, _ = await make_account(cluster)
    page = await entered(cluster, browser, user)
    rebound = f"http://{REBOUND}:{urlsplit(cluster.url).port}"
    answer = await page.goto(f"{rebound}/api/v1/tasks")
    assert answer is not None
    assert (answer.status, (await answer.json())["error_code"]) == (421, "unknown_host")
    link = await make_link(cluster, user, f"rebound-{user}")
    answer = await page.goto(rebound + link)
    assert answer is not None
    assert answer.status == 421
    assert {cookie["domain"] for cookie in await page.context.cookies()} == {"127.0.0.1"}
    await page.context.close()


async def test_a_page_follows_with_its_cookie_until_it_signs_out(cluster: Cluster, browser: Browser) -> None:
    _, email = await make_account(cluster)
    async with page_at(browser, f"{cluster.url}/health/live") as page:
        body = {"email": email, "password": PASSWORD, "cookies": True}
        signed_in = await page.page.evaluate(
            """(body) => fetch("/api/v1/session", {method: "POST", body: JSON.stringify(body),
            headers: {"Content-Type": "application/json", "X-Headrace-CSRF": "1"}}).then((answer) => answer.status)""",
            body,
        )
        assert signed_in == 201
        assert await page.page.evaluate("document.cookie") == ""
        await page.follow("/api/v1/events?event=queued")
        await page.opens(1)
        assert await page.page.evaluate(OWN, TASK) == 202
        [seen] = await page.sees(1)
        assert seen.event == "queued"
        ended = await page.page.evaluate(
            """() => fetch("/api/v1/session", {method: "DELETE", headers: {"X-Headrace-CSRF": "1"}}).then((a) => a.status)"""
        )
        assert ended == 204
        await page.closes()
        await page.page.context.clear_cookies()


@pytest.mark.slow
async def test_whoever_signs_in_on_the_documentation_can_try_an_operation(cluster: Cluster, browser: Browser) -> None:
    _, email = await make_account(cluster)
    page = await (await browser.new_context()).new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    await page.goto(f"{cluster.url}/api/docs#get_session")
    await page.fill("#account [name=email]", email)
    await page.fill("#account [name=password]", PASSWORD)
    await page.click("#account button")
    await page.wait_for_selector("#account >> text=Sign out")
    for operation, expected in (("get_session", "200"), ("submit_task", "422")):
        await page.click(f"#{operation} summary")
        await page.click(f"#{operation} form button:text('Send')")
        await page.wait_for_function(
            "([id, status]) => document.querySelector(`#${id} pre`).textContent.startsWith(status)",
            arg=[operation, expected],
        )
    assert email in await page.inner_text("#get_session pre")
    await page.reload()
    await page.click("#account >> text=Sign out")
    await page.wait_for_selector("#account [name=email]")
    assert [each for each in wrong if "422" not in each] == [], (
        "no script was refused, and nothing failed but what should"
    )
    await page.context.close()
