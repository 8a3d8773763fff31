"""`headrace admin rotate-secret`: put a new secret before those that are valid, which stay valid for a while."""

from __future__ import annotations

import click

from headrace.cli.terminal.exits import EXIT_REFUSED, CommandFailed
from headrace.cli.terminal.output import is_asked, note, show
from headrace.embedded.home import Home
from headrace.identity.made_secrets import make_secret
from headrace.settings import Settings

SECRETS_MAX = 4  # valid at the same time; each of them makes a look for a key longer

OVERLAP = (
    "the new secret signs and hashes from then on, and the others are still taken: sessions go on, and an API key that is "
    "used meanwhile is hashed anew. When every key in use has been used once, and 30 days have passed for sessions, "
    "`headrace admin rotate-secret --forget-old` ends what is left"
)


def rotate_secret(settings: Settings, home: str | None, *, forget_old: bool, yes: bool = False) -> None:
    """Put a new secret before the old ones, in the file of a home, or print the next values of HEADRACE_API_SECRETS.

    Args:
        settings: The value of HEADRACE_API_SECRETS, if it is set.
        home: The home, when another is meant.
        forget_old: Leave the old ones out instead, and make no new one.
        yes: Do not ask before the old ones are forgotten.

    Raises:
        CommandFailed: There is no secret yet; or the old ones are not to be forgotten, as nobody has said that they are.
        HomeError: The file of the home cannot be read or written.
    """
    place = Home.at(home or settings.home)
    is_set = settings.api.secrets is not None and home is None
    old = settings.api.secrets if is_set else place.read_api_secret()
    if old is None:
        raise CommandFailed(
            f"there is no secret yet: `headrace up` makes one in {place.path}, and `headrace secret` prints one for "
            "HEADRACE_API_SECRETS",
            EXIT_REFUSED,
        )
    if forget_old and not yes:
        _ask_to_forget(old.split(",")[1:])
    new = rotated(old, forget_old=forget_old)
    if is_set:
        _show_values(old, new)
    else:
        place.write_api_secret(new)
        show(f"{place.api_secret_file} has {'one secret' if forget_old else 'a new secret'}; restart `headrace up`")
    note("what was made with the old secrets ends with that" if forget_old else OVERLAP)


def _ask_to_forget(forgotten: list[str]) -> None:
    """Ask somebody at a terminal. Only an API process knows which keys were used since, when they are shown to it."""
    if not forgotten:
        return
    note(
        f"{'the old secret ends' if len(forgotten) == 1 else f'{len(forgotten)} old secrets end'}, and with that every session "
        "and API key that was not used since an API process runs with the new one: those keys have to be made anew"
    )
    if not is_asked():
        raise CommandFailed("nothing was changed; say --yes if that is meant", EXIT_REFUSED)
    if not click.confirm("forget?", err=True):
        raise CommandFailed("nothing was changed", EXIT_REFUSED)


def _show_values(old: str, new: str) -> None:
    """Print the values that HEADRACE_API_SECRETS is given one after the other, a line each."""
    added = new.split(",")[0]
    if added not in old.split(","):
        # A process that has only the old ones would refuse what another one signs with the new one.
        show(f"{old},{added}")
        note(
            "give every process of the API this value of HEADRACE_API_SECRETS and restart it, so that each takes the new secret"
        )
    show(new)
    note("then give every process of the API this value, and restart them one after the other")


def rotated(secrets: str, *, forget_old: bool) -> str:
    """Return secrets with a new one before them; with ``forget_old`` only the newest one of them."""
    old = secrets.split(",")
    return old[0] if forget_old else ",".join([make_secret(), *old[: SECRETS_MAX - 1]])
