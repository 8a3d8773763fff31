"""The first steps: a link that signs in, addresses of the app, and a deploy under a page that is open."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from headrace import web_place
from tests.web.conftest import MakeWeb
from tests.web.installation import PHONE, Web


async def test_a_sign_in_link_opens_the_app_on_the_dashboard(web: Web) -> None:
    shown = await web.sign_in()
    assert urlsplit(shown.page.url).path == "/"
    assert await shown.page.evaluate("fetch('/bff/v1/session').then((answer) => answer.status)") == 200
    assert await shown.page.title() != ""


async def test_an_address_that_nobody_knows_opens_the_app_which_says_so_itself(web: Web) -> None:
    shown = await web.sign_in()
    answer = await shown.page.goto(f"{web.url}/no/such/screen")
    assert answer is not None
    assert answer.status == 200
    await shown.page.locator("#app > *").first.wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_first_page_is_accessible_and_stands_still_on_a_desktop_and_on_a_phone(web: Web, theme: str) -> None:
    for shown in (await web.sign_in(theme=theme), await web.sign_in(theme=theme, device=PHONE)):
        await shown.page.wait_for_load_state("networkidle")
        await shown.is_accessible()
        assert await shown.layout_shift() <= 0.02
        assert not await shown.scrolls_sideways()


async def test_the_harness_notices_what_goes_wrong_in_a_page(web: Web) -> None:
    shown = await web.open()
    await shown.page.evaluate("console.error('wrong')")
    await shown.page.evaluate("setTimeout(() => { throw new Error('uncaught') })")
    await shown.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")
    await shown.page.evaluate("import('/assets/nothing-00000000.js').catch(() => {})")
    await shown.page.wait_for_timeout(100)
    said = "\n".join(shown.wrong)
    assert all(
        each in said
        for each in ("console.error: wrong", "uncaught: uncaught", "content security policy: style-src", "404")
    )
    with pytest.raises(AssertionError, match="wrong"):
        shown.check()
    shown.wrong.clear()


@pytest.mark.slow
async def test_a_page_that_is_open_during_a_deploy_finds_its_assets_and_the_next_one_is_new(
    make_web: MakeWeb, tmp_path: Path
) -> None:
    dist = tmp_path / "dist"
    # The build compresses what it writes, and the second one is written here.
    shutil.copytree(web_place.built(), dist, ignore=shutil.ignore_patterns("*.gz", "*.br"))
    web = await make_web("api", HEADRACE_API_WEB=str(dist))
    shown = await web.open()
    asset = next(file for file in sorted((dist / "assets").iterdir()) if file.suffix == ".js").name
    changed = dist / "assets" / f"other-{asset}"
    (dist / "assets" / asset).rename(changed)
    page = (dist / "index.html").read_text()
    (dist / "index.html").write_text(
        page.replace("<title>", '<meta name="build" content="second"><title>').replace(asset, changed.name)
    )

    next_one = await web.open()
    assert await next_one.page.locator("meta[name=build]").count() == 1
    assert await shown.page.locator("meta[name=build]").count() == 0
    get = "(name) => fetch(`/assets/${name}`).then((answer) => answer.status)"
    assert await shown.page.evaluate(get, asset) == 200
    assert await shown.page.evaluate(get, changed.name) == 200
    await shown.page.reload()
    assert await shown.page.locator("meta[name=build]").count() == 1
