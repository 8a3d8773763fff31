"""The web app in a browser: the built app, served by a real API with a worker and a projector behind it.

A test gets an installation that is shared by its module's neighbours, and opens as many browsers with it as it needs:

    async def test_a_task_that_was_submitted_is_shown(web: Web) -> None:
        shown = await web.sign_in()                                   # a new member, on the dashboard
        await web.cluster.http_as(shown.key).post("/api/v1/tasks", json={"kind": "echo", "input": {"text": "hello"}})
        await shown.page.get_by_role("link", name="hello").click()    # `page` is the page of playwright
        await shown.is_accessible()

`sign_in` and `open` take `role="admin"`, `device=PHONE` (390 px), `theme="dark"`, `language="de"` and `still=True` (reduced motion).
`open` is a browser that nobody has signed in. `shown.another_tab()` is one more tab of the same browser.

What a page says on its own is an error: **a test fails on any uncaught exception, `console.error`, violation of the content security
policy, asset that is not found and answer of 500 or more** in any page that it has opened, also after its last line. A test that
causes trouble says so, for a page or for a block:

        async with shown.in_trouble():         # answers of 5xx and lost connections are expected in here
            ...

`shown.is_accessible()` runs axe (wcag2a to wcag22aa); `shown.layout_shift()` is the CLS so far; `shown.largest_paint()` the LCP in
milliseconds. A test that kills or restarts something makes an installation of its own: `web = await make_web("api", "worker",
"projector")`, and `web.cluster` has the means. Golden examples without any server: the fixture `mock` (`await mock.open_example(
"/tasks", "empty")`); `page.route` does the rest.

Pictures for docs/screens come from `just screens`, which takes them at a real `headrace up` (`tests/web/test_pictures.py`).
Without Node the tests are skipped, in CI they fail. `uv run pytest tests/web -k …` runs them.
"""
