"""The Headrace processes of one machine: what each is given that the others of its role must not have, and which are not ready."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from headrace.embedded.counts import Counts
from headrace.embedded.errors import PortError
from headrace.embedded.network import LOOPBACK, authority, free_ports, why_not_healthy
from headrace.settings import PORT_MAX, split_bind

OPERATIONS = {  # the variable that says where each process answers from its own event loop
    "api": "HEADRACE_API_OPS",
    "worker": "HEADRACE_WORKER_OPS",
    "projector": "HEADRACE_PROJECTOR_OPS",
}
RECORD = "worker-runs"
CLIENTS = "clients"

Address = tuple[str, int]


class ChildPlan(NamedTuple):
    """A process that is to be kept running.

    Attributes:
        name: Its own name, as ``worker-2``.
        role: ``api``, ``worker`` or ``projector``.
        variables: The settings that it has for itself.
        health: Host and port of its operations port.
        record: Where it notes what it runs; for workers.
    """

    name: str
    role: str
    variables: Mapping[str, str]
    health: Address
    record: Path | None


def plan_children(
    roles: Iterable[str], counts: Counts, environ: Mapping[str, str], home: Path, public: Address
) -> list[ChildPlan]:
    """Plan the processes of these roles.

    An operations port that the environment names is that of the first process of its role; the others have the ports after it.

    Args:
        roles: The roles, in the order of their start.
        counts: How many processes of each there are.
        environ: Everything that is set.
        home: The data directory.
        public: The host and the port that clients use.

    Raises:
        PortError: Two processes would have the same operations port, or there is none left.
    """
    names = {role: counts.names(role) for role in roles}
    addresses = _operations_addresses(names, environ, public)
    return [
        _plan(name, role, addresses[name], home, is_one_of_several=len(named) > 1)
        for role, named in names.items()
        for name in named
    ]


async def find_not_ready(plans: Iterable[ChildPlan]) -> tuple[str, str] | None:
    """Return the name of the first of these processes that is not ready, and why; None when all are."""
    for plan in plans:
        if (reason := await why_not_healthy(*plan.health, "/health/ready")) is not None:
            return plan.name, reason
    return None


async def why_no_task_runs(plans: Iterable[ChildPlan], running: Container[str], ends: Mapping[str, int]) -> str | None:
    """Say that no worker works after each has ended by itself, and where its reason is; None when one does or may yet start.

    Args:
        plans: What was started.
        running: The names of what runs now.
        ends: How often each has ended since it last ran for a while, by name.
    """
    workers = [plan for plan in plans if plan.role == "worker"]
    ended = [plan for plan in workers if ends.get(plan.name, 0) > 0]
    if not workers or len(ended) < len(workers):
        return None
    for plan in ended:
        if plan.name in running and await find_not_ready([plan]) is None:
            return None
    counted = ", ".join(f"{plan.name} has ended {_times(ends[plan.name])}" for plan in ended)
    return f"{counted}: no task will run until it starts; its lines say why it ended"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def waited_for(plans: Sequence[ChildPlan]) -> list[ChildPlan]:
    """Return those that are one of several of their role: whoever asks for several wants them all."""
    return [plan for plan in plans if plan.name != plan.role]


def _plan(name: str, role: str, health: Address, home: Path, *, is_one_of_several: bool) -> ChildPlan:
    variables = {OPERATIONS[role]: authority(*health)}
    record = None
    if role == "api" and is_one_of_several:
        variables["HEADRACE_API_SHARE_BIND"] = "true"
    if role == "worker":
        record = home / f"{RECORD}{name.removeprefix(role)}"
        variables["HEADRACE_WORKER_RECORD"] = str(record)
    return ChildPlan(name, role, variables, health, record)


def _operations_addresses(
    names: Mapping[str, Sequence[str]], environ: Mapping[str, str], public: Address
) -> dict[str, Address]:
    """Return the operations port of each process by its name."""
    free = iter(free_ports(sum(map(len, names.values()))))
    users: dict[Address, str] = {public: CLIENTS}
    for role, named in names.items():
        given = environ.get(OPERATIONS[role])
        host, first = (LOOPBACK, 0) if given is None else split_bind(given)
        for index, name in enumerate(named):
            address = host, next(free) if given is None else first + index
            if (other := users.get(address)) is not None or address[1] > PORT_MAX:
                taken = f"which is for {other}" if other is not None else f"and ports end at {PORT_MAX:,}"
                raise PortError(
                    f"{name} would have the operations port {authority(*address)}, {taken}: {OPERATIONS[role]} names the first "
                    f"of {len(named)} in a row, so choose another"
                )
            users[address] = name
    return {name: address for address, name in users.items() if name != CLIENTS}
