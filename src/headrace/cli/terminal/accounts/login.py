"""`headrace login`, `headrace logout` and `headrace key`: keep, forget and print the key for a server."""

from __future__ import annotations

import os

import httpx

from headrace.cli.terminal.accounts.secret_input import ask_secret
from headrace.cli.terminal.api import Api, open_client
from headrace.cli.terminal.api_key import ENVIRONMENT, ApiKey, find_key, key_of_home, origin
from headrace.cli.terminal.discovery import find_api
from headrace.cli.terminal.exits import EXIT_REFUSED, CommandFailed
from headrace.cli.terminal.output import note, show
from headrace.cli.terminal.saved_keys import SavedKeys
from headrace.client import UnusableRequest
from headrace.client.address import read_address, without_password
from headrace.embedded.home import Home
from headrace.identity.key_format import is_key
from headrace.loopback import is_this_machine
from headrace.settings import Settings
from headrace.settings.secret_files import is_given

TYPED = "this command"


async def log_in(url: str) -> None:
    """Ask for a key, check that the API accepts it, and keep it for that server.

    Raises:
        CommandFailed: Nothing was typed, the API refused the key or cannot be reached, or the key cannot be kept.
    """
    address = _address(url)
    if address.scheme == "http" and not is_this_machine(address.host):
        note(f"{without_password(url)} is no https: who can read the network between can read the key")
    key = ask_secret("API key")
    if not is_key(key):
        raise CommandFailed("this is no API key of Headrace: copy it again, from hr_ to its end", EXIT_REFUSED)
    async with open_client(Api(url, ApiKey(key, TYPED))) as client:
        me = await client.who_am_i()
    saved = SavedKeys()
    saved.keep(origin(address), key)
    show(f"{me.user.display_name} ({me.user.role}) at {without_password(url)}; the key is kept in {saved.file}")
    if is_given(os.environ, ENVIRONMENT):
        note(f"{ENVIRONMENT} is set and wins: unset it to use the kept key")


def log_out(url: str) -> int:
    """Forget the key that was kept for a server. The key itself stays valid until it is revoked.

    Returns:
        The exit code.

    Raises:
        CommandFailed: The address is none, or the file of the keys cannot be used.
    """
    server = origin(_address(url))
    if not SavedKeys().forget(server):
        note(f"no key was kept for {server}")
        return EXIT_REFUSED
    show(f"the key for {server} is forgotten here; it stays valid until it is revoked")
    return 0


def show_key(given: str | None, settings: Settings) -> None:
    """Print the key that commands send to an API: the one at the address ``given``, or the one that they find themselves.

    Raises:
        CommandFailed: There is none.
    """
    url = find_api(given, settings)
    found = find_key(url, settings)
    home = Home.at(settings.home)
    if found is None and not given and not is_given(os.environ, "HEADRACE_URL"):
        # The server of the home does not run now; its key is the same when it does.
        found = key_of_home(home)
    if found is None:
        raise CommandFailed(
            f"there is no key for {without_password(url)}: `headrace login --url {without_password(url)}` keeps one, "
            f"HEADRACE_API_KEY sets one, and `headrace up` makes one for the server that it runs from {home.path}",
            EXIT_REFUSED,
        )
    show(found.text)


def _address(url: str) -> httpx.URL:
    try:
        return read_address(url)
    except UnusableRequest as error:
        raise CommandFailed(str(error), EXIT_REFUSED) from error
