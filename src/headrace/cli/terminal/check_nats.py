"""What `headrace check --connect` asks NATS: whether it lets us in, permits what the process does, and has the log as it should be."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

from headrace.errors import LogUnavailable
from headrace.log.denials import NotLetIn, NotPermitted
from headrace.log.needs import NEEDS
from headrace.log.permissions import PROVISIONER
from headrace.log.survey import Survey, survey_nats
from headrace.log.tls import TlsFailed
from headrace.settings import Settings
from headrace.settings.production import REPLICAS_MIN, Process, Refusal

CONNECT_SECONDS = 5.0  # for each server; somebody waits for the answer

_CREDENTIALS = frozenset({"HEADRACE_NATS_USER", "HEADRACE_NATS_PASSWORD"})
PROVISION = (
    f"run `headrace provision`, with HEADRACE_NATS_USER={PROVISIONER} where NATS has the users of nats-accounts.conf"
)


async def check_nats(settings: Settings, process: Process | None, refused: set[str]) -> AsyncGenerator[Refusal]:
    """Say what of NATS is to be mended.

    Args:
        settings: Where NATS is, and who we are there.
        process: The process whose work the user has to be permitted; by default the one that has its name.
        refused: The variables that are refused already; what follows from one of them is not said again.
    """
    user = _user_of(settings, process)
    try:
        found = await survey_nats(settings, CONNECT_SECONDS, user)
    except NotLetIn:
        if not refused & _CREDENTIALS:
            reason = "and HEADRACE_NATS_PASSWORD, or what else says who we are, are not what this NATS asks for"
            yield Refusal("HEADRACE_NATS_USER", reason, "give both the values that the accounts of the server have")
    except NotPermitted as error:
        remedy = "give each process its user of docs/nats-accounts.conf"
        yield Refusal("HEADRACE_NATS_USER", f"is not one of Headrace: {error.message}", remedy)
    except TlsFailed as error:
        reason, _, remedy = error.message.rpartition(": ")
        yield Refusal("HEADRACE_NATS_URL", f"names a NATS with which TLS does not come about: {reason}", remedy)
    except LogUnavailable as error:
        reason = f"names a NATS that cannot be used: {error.message}"
        yield Refusal("HEADRACE_NATS_URL", reason, "start NATS with JetStream, or correct the variable")
    else:
        for refusal in (*_of_permissions(settings, user, found), *_of_log(settings, found)):
            yield refusal


def _user_of(settings: Settings, process: Process | None) -> str | None:
    """The user of `docs/nats-accounts.conf` that does the work of a process; None for a user of another name without a process."""
    name = PROVISIONER if process == "provision" else process or settings.nats.user
    return name if name in NEEDS else None


def _of_permissions(settings: Settings, user: str | None, found: Survey) -> Iterator[Refusal]:
    if found.not_permitted:
        who = f"names {settings.nats.user}, who" if settings.nats.user else "is missing, and what else says who we are"
        reason = f"{who} may not {', '.join(found.not_permitted)}"
        yield Refusal(
            "HEADRACE_NATS_USER",
            reason,
            f"set it to {user}, or give the user the permissions of {user} in docs/nats-accounts.conf",
        )
    if settings.env == "production" and not found.asks_who_we_are:
        reason = "names a NATS that lets everybody in"
        yield Refusal("HEADRACE_NATS_URL", reason, "give it the accounts of docs/nats-accounts.conf")


def _of_log(settings: Settings, found: Survey) -> Iterator[Refusal]:
    if settings.stream.replicas > 1 and not found.is_in_cluster:
        reason = (
            f"wants {settings.stream.replicas} copies of the log, and this NATS is one server that is in no cluster"
        )
        remedy = f"run {settings.stream.replicas} nats-servers as one cluster; docs/nats-accounts.conf shows how"
        yield Refusal("HEADRACE_STREAM_REPLICAS", reason, remedy)
    elif settings.env == "production" and found.replicas is not None and found.replicas < REPLICAS_MIN:
        reason = f"is not what the log has: {found.replicas} of {REPLICAS_MIN} copies"
        yield Refusal("HEADRACE_STREAM_REPLICAS", reason, f"{PROVISION} and this setting")
    if found.replicas is None:
        yield Refusal("HEADRACE_NATS_URL", "names a NATS without the log", PROVISION)
