"""Have the first administrator made, and keep the link that signs it in until the API is ready."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from headrace.embedded.child import Child
from headrace.embedded.errors import ServerError
from headrace.embedded.home import Home
from headrace.embedded.network import LOOPBACK, authority, has_web_app, loopback_of
from headrace.embedded.prefixed_output import PrefixedOutput
from headrace.web_place import NO_WEB_APP, how_to_get

NAME = "admin"
SECONDS = 120.0  # a hash of a password and some rows, on a machine that starts everything else at the same time
GRACE_SECONDS = 5.0
LINK_PATH = "/enter/"


class FirstAdmin:
    """The administrator `local` of a home.

    Args:
        home: Keeps its credentials.
        output: Shows what the command that makes it says, without the link.
        host: The address that the API listens on.
        port: The port that the API listens on.
    """

    def __init__(self, home: Home, output: PrefixedOutput, host: str, port: int) -> None:
        self._home = home
        self._show = output.of(NAME)
        self._say = output.say
        loopback = loopback_of(host)
        self._loopback = loopback or LOOPBACK
        self._port = port
        # The link is for a browser on this machine. Where the API does not listen there, no link would work.
        self._api = None if loopback is None else f"http://{authority(loopback, port)}"
        self._link: str | None = None
        self._following: asyncio.Task[None] | None = None

    async def make(self, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        """Make it unless there is an administrator, and have a link made that signs it in.

        Args:
            argv: The command, to which the arguments are added.
            environ: The environment of the command, with the secrets of the API.

        Raises:
            ServerError: The command failed.
        """
        link = () if self._api is None else ("--link", self._api)
        argv = (*argv, "--credentials", str(self._home.credentials), *link)
        child = Child(argv, environ=environ, grace=GRACE_SECONDS, on_line=self._on_line)
        try:
            await child.run(SECONDS)
        except ServerError as error:
            raise ServerError(f"the first administrator: {error}") from None

    async def say_link(self, building: asyncio.Task[object] | None) -> None:
        """Say how to sign in for the first time, which needs the web app. The link is forgotten with that.

        Args:
            building: What builds the web app, for whose end the link waits; None when nothing does.
        """
        if self._link is None:
            return
        if building is None or building.done():
            await self._say_link(self._link)
        else:
            self._say("the link to sign in follows when the web app is built")
            self._following = asyncio.create_task(self._say_link_after(building, self._link), name="sign-in link")
        self._link = None

    async def _say_link_after(self, building: asyncio.Task[object], link: str) -> None:
        await asyncio.wait({building})
        # It is cancelled when `up` ends.
        if not building.cancelled():
            await self._say_link(link)

    async def _say_link(self, link: str) -> None:
        if await has_web_app(self._loopback, self._port):
            self._say(f"sign in, once and within 15 minutes: {link}")
        else:
            self._say(f"{NO_WEB_APP}: {how_to_get()}. Everything else works")

    def _on_line(self, line: str) -> None:
        if self._api is not None and line.startswith(self._api + LINK_PATH):
            self._link = line
        else:
            self._show(line)
