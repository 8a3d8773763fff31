"""Three servers of NATS as the official chart of NATS starts them from our values, here on ports of this machine.

The rules are those of the chart's `files/config` (chart 2.14): what it says of a server, `merge` over it at each level, and the format,
JSON in which ``<< … >>`` is taken as it is and a key that ends with ``$include`` is a file to include.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import yaml

from headrace.embedded.nats import nats_server
from headrace.embedded.network import LOOPBACK, free_ports
from headrace.embedded.process import Process
from tests.chart.rendering import CHART
from tests.waiting import until

VALUES = CHART / "pairing/nats-values.yaml"
ACCOUNTS = CHART / "pairing/nats-accounts.conf"
CONFIG_DIRECTORY = "/etc/nats-config"  # where the chart mounts what it makes
STOP_SECONDS = 10.0

Values = dict[str, Any]


class Ports(NamedTuple):
    """Where a server listens."""

    client: int
    cluster: int
    monitor: int


class ChartServers(NamedTuple):
    """The servers: how clients reach them, and their monitoring ports."""

    url: str
    monitor: str
    processes: list[Process]


def nats_values() -> Values:
    """Return our values for the chart."""
    return yaml.safe_load(VALUES.read_text())


def merged(base: Values, over: Values) -> Values:
    """Merge as Helm's `mergeOverwrite` does: maps into each other, and everything else replaced."""
    both = {key for key, value in over.items() if isinstance(value, dict) and isinstance(base.get(key), dict)}
    return base | {key: merged(base[key], value) if key in both else value for key, value in over.items()}


def server_config(values: Values, routes: list[int], ports: Ports) -> Values:
    """Return what the chart configures a server with. Ports and addresses are of this machine, so that three fit on it."""
    config = values["config"]
    jetstream, memory = config["jetstream"], config["jetstream"].get("memoryStore", {})
    made: Values = {
        "server_name": "<< $SERVER_NAME >>",
        "lame_duck_grace_period": "10s",
        "lame_duck_duration": "30s",
        "host": LOOPBACK,
        "port": ports.client,
        "http": f"{LOOPBACK}:{ports.monitor}",
    }
    if config["cluster"]["enabled"]:
        cluster: Values = {
            "name": "nats",
            "listen": f"{LOOPBACK}:{ports.cluster}",
            "no_advertise": True,
            "routes": [f"nats://{LOOPBACK}:{each}" for each in routes],
        }
        made["cluster"] = merged(cluster, config["cluster"].get("merge", {}))
    store: Values = {
        "max_memory_store": f"<< {memory['maxSize']} >>" if memory.get("enabled") else 0,
        "store_dir": "<< $STORE >>",
    }
    made["jetstream"] = merged(store, jetstream.get("merge", {}))
    return merged(made, config.get("merge", {}))


def formatted(config: Values) -> str:
    """Write a configuration as the chart does."""
    text = json.dumps(config, indent=2, sort_keys=True)
    text = re.sub(r'".*\$include": "(.*)",?', r"include \1;", text)
    return re.sub(r'"<<\s+(.*)\s+>>"', r"\1", text)


def environment(values: Values, secrets: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the environment of the container of a server, with what Secrets have."""
    made: dict[str, str] = {}
    for name, value in values["container"]["env"].items():
        if isinstance(value, str):
            made[name] = value
        else:
            reference = value["valueFrom"]["secretKeyRef"]
            made[name] = secrets[reference["name"]][reference["key"]]
    return made


def mounted(values: Values, place: Path) -> Path:
    """Lay out below a place what the pod of a server has below /etc, and return where its configuration belongs."""
    (mount,) = (each["value"] for each in values["container"]["patch"] if each["path"] == "/volumeMounts/-")
    (volume,) = (each["value"] for each in values["podTemplate"]["patch"] if each["path"] == "/spec/volumes/-")
    assert mount["name"] == volume["name"]
    directory = place / mount["mountPath"].lstrip("/")
    directory.mkdir(parents=True)
    (directory / ACCOUNTS.name).write_bytes(ACCOUNTS.read_bytes())
    config = place / CONFIG_DIRECTORY.lstrip("/")
    config.mkdir(parents=True)
    return config / "nats.conf"


@asynccontextmanager
async def chart_servers(
    values: Values, place: Path, secrets: dict[str, dict[str, str]]
) -> AsyncGenerator[ChartServers]:
    """Run as many servers as the values say."""
    count = values["config"]["cluster"]["replicas"] if values["config"]["cluster"]["enabled"] else 1
    free = free_ports(3 * count)
    ports = [Ports(*free[number : number + 3]) for number in range(0, len(free), 3)]
    processes: list[Process] = []
    try:
        for number, own in enumerate(ports):
            pod = place / f"nats-{number}"
            file = mounted(values, pod)
            file.write_text(formatted(server_config(values, [each.cluster for each in ports], own)))
            environ = {"PATH": os.environ["PATH"], "SERVER_NAME": pod.name, "STORE": json.dumps(str(pod / "data"))}
            processes.append(
                await Process.start((nats_server(), "-c", str(file)), environ=environ | environment(values, secrets))
            )
        url = ",".join(f"nats://{LOOPBACK}:{each.client}" for each in ports)
        monitors = [f"http://{LOOPBACK}:{each.monitor}" for each in ports]
        async with httpx.AsyncClient(trust_env=False) as http:
            for monitor, process in zip(monitors, processes, strict=True):
                # It is awaited within the turn that made it, with the monitor and the process of that turn.
                await until(lambda: _is_well(http, monitor, process), f"the server at {monitor}")  # noqa: B023
        yield ChartServers(url, ",".join(monitors), processes)
    finally:
        await asyncio.gather(*(each.stop(STOP_SECONDS) for each in processes))


async def _is_well(http: httpx.AsyncClient, monitor: str, process: Process) -> bool:
    """Whether a server says what the chart's startup probe asks for."""
    assert process.running, process.last_line()
    try:
        return (await http.get(f"{monitor}/healthz")).status_code == 200
    except httpx.HTTPError:
        return False
