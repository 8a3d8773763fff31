"""The users of NATS: whether each may do the work of its process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from headrace.cli.terminal.check_nats import CONNECT_SECONDS
from headrace.cli.terminal.cluster.seen import Seen
from headrace.errors import LogUnavailable
from headrace.log.client import open_client
from headrace.log.nats_errors import nats_errors_as_unavailable
from headrace.log.needs import NEEDS, missing_permissions
from headrace.log.permissions import OPERATOR
from headrace.settings import NatsSettings, Settings

_ACCOUNTS = "bring the accounts of the servers up to date with docs/nats-accounts.conf, and reload them"


async def check_users(settings: Settings, passwords: Path | None) -> list[Seen]:
    """Try what each user has to be permitted.

    Args:
        settings: Where NATS is, and who we are there.
        passwords: A directory with a file for each user, which has its name and its password in it; without it, only our own
            user is tried.
    """
    found: list[Seen] = []
    tried: list[str] = []
    for user, nats in _connections(settings, passwords):
        refused = await _try(user, nats)
        found += refused
        tried += [] if refused else [user]
    if tried:
        found.append(Seen(about="permissions", state="ok", what=f"NATS permits the work of {', '.join(tried)}"))
    if unseen := NEEDS.keys() - set(tried) - {each.what.partition(":")[0] for each in found}:
        what = f"whether NATS permits the work of {', '.join(sorted(unseen))} was not tried"
        remedy = "--passwords names a directory with their passwords"
        found.append(Seen(about="permissions", state="unseen", what=what, remedy=remedy))
    return found


def _connections(settings: Settings, passwords: Path | None) -> Iterator[tuple[str, NatsSettings]]:
    """Yield each user whose work can be tried, and how to connect as that user."""
    own = settings.nats
    for user in NEEDS:
        file = None if passwords is None else passwords / user
        if file is not None and file.is_file():
            yield user, msgspec.structs.replace(own, user=user, password=file.read_text().removesuffix("\n"))
        elif own.user == user or (own.user not in NEEDS and own.user != OPERATOR):
            # A user of another name, a token or a file of credentials is that of all processes.
            yield user, own


async def _try(user: str, nats: NatsSettings) -> list[Seen]:
    try:
        async with open_client(nats, "check", CONNECT_SECONDS) as client:
            with nats_errors_as_unavailable():
                refused = await missing_permissions(client, user)
    except LogUnavailable as error:
        return [Seen(about="permissions", state="critical", what=f"{user}: {error.message}", remedy=_ACCOUNTS)]
    if not refused:
        return []
    what = f"{user}: NATS does not permit to {', '.join(refused)}"
    return [Seen(about="permissions", state="critical", what=what, remedy=_ACCOUNTS)]
