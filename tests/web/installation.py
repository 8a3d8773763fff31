"""An installation with the web app, and browsers that show it."""

from __future__ import annotations

import uuid
from typing import Any, Literal, NamedTuple

from playwright.async_api import Browser, BrowserContext, ViewportSize

from headrace.contracts.identity import Role
from tests.cluster import Cluster
from tests.flow.identity.session_steps import make_account, make_link
from tests.web.watched import Watched, make_watchable


class Device(NamedTuple):
    """The window of a browser."""

    width: int
    height: int
    touch: bool = False

    @property
    def viewport(self) -> ViewportSize:
        """Its size, as playwright takes it."""
        return {"width": self.width, "height": self.height}


DESKTOP = Device(1280, 800)
PHONE = Device(390, 844, touch=True)

Theme = Literal["light", "dark"]
Language = Literal["en", "de"]
_LOCALES = {"en": "en-GB", "de": "de-DE"}


class Browsers:
    """Opens browsers, each with cookies of its own, and keeps what they show until the test is over.

    Args:
        browser: Chromium.
        url: Where the app is.
    """

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.shown: list[Watched] = []

    async def open(
        self,
        path: str | None = "/",
        *,
        device: Device = DESKTOP,
        theme: Theme = "light",
        language: Language = "en",
        still: bool = False,
        **context: Any,
    ) -> Watched:
        """Open an address in a browser in which nobody has signed in; with None, an empty page."""
        made = await self._browser.new_context(
            viewport=device.viewport,
            has_touch=device.touch,
            color_scheme=theme,
            locale=_LOCALES[language],
            timezone_id="Europe/Berlin",
            reduced_motion="reduce" if still else "no-preference",
            **context,
        )
        self._contexts.append(made)
        await make_watchable(made)
        shown = Watched(await made.new_page(), self.url)
        self.shown.append(shown)
        if path is not None:
            await shown.goto(path)
        return shown

    async def close(self) -> None:
        """Close all, and fail when something has gone wrong in one of them."""
        for context in self._contexts:
            await context.close()
        for shown in self.shown:
            shown.check()


class Web(Browsers):
    """A running installation: `cluster`, whose API serves the app."""

    def __init__(self, browser: Browser, cluster: Cluster) -> None:
        super().__init__(browser, cluster.url)
        self.cluster = cluster

    async def sign_in(
        self, path: str | None = None, *, role: Role | str = Role.MEMBER, user: str | None = None, **shown: Any
    ) -> Watched:
        """Open the app in a browser that somebody has signed in with a link; it shows the dashboard, or the address that is given.

        Args:
            path: Where to go after the dashboard.
            role: The role of a new account.
            user: The id of an account that is there, in place of a new one.
            shown: What `open` takes.
        """
        made = await self.cluster.make_user(user, role=role)
        found = await self.open(None, **shown)
        found.user, found.key, found.email = made.id, made.key, f"{made.id}@example.com"
        await found.goto(await make_link(self.cluster, made.id, f"web-{uuid.uuid4().hex}"))
        await found.page.locator("#app > *").first.wait_for()
        if path is not None:
            await found.goto(path)
        return found

    async def make_member(self) -> tuple[str, str]:
        """Make an account with `tests.flow.identity.session_steps.PASSWORD`; its id and its email address."""
        return await make_account(self.cluster)


class Mock(Browsers):
    """The app on golden examples, without a server behind it."""

    async def open_example(self, path: str = "/", example: str = "full", **shown: Any) -> Watched:
        """Open an address; the screens show their golden example of this name, the first one where they have none."""
        found = await self.open(None, **shown)
        await found.page.context.add_cookies([{"name": "mock", "value": example, "url": self.url}])
        await found.goto(path)
        return found
