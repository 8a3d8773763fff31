"""Settings: one frozen Struct, read from ``HEADRACE_*`` environment variables.

A field ``url`` of the section ``nats`` is ``HEADRACE_NATS_URL``; a field at the top is ``HEADRACE_<FIELD>``. The table in
`docs/settings.md` is made from this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, cast, get_type_hints

import msgspec
from msgspec import Meta, Struct

from headrace.parent_watch import PARENT_PIPE

PREFIX = "HEADRACE_"
SECRETS = frozenset({"token", "url", "follow_secrets"})  # a database URL may contain a password
ADDRESSES = frozenset({"url", "public_url", "bind", "metrics", "health"})
PORT_MAX = 65_535  # of TCP
NAME_LIKENESS_MIN = 0.8  # of difflib: one or two letters more, less or other

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Bind = Annotated[str, Meta(pattern=r"^[^\s:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$")]

Url = Annotated[str, Meta(pattern=r"^https?://\S+$(?!\n)")]
SigningSecrets = Annotated[str, Meta(pattern=r"^[^,\s]{32,}(,[^,\s]{32,})*$(?!\n)")]


class SettingsError(Exception):
    """One or more variables have values that cannot be used. The message names all of them."""


class NatsSettings(Struct, frozen=True, kw_only=True):
    """How to reach NATS."""

    url: Annotated[str, Meta(pattern=r"^(nats|tls|ws|wss)://", description="Servers, separated by commas.")] = (
        "nats://127.0.0.1:4222"
    )
    token: Annotated[str | None, Meta(description="Token, when the server asks for one.")] = None
    credentials: Annotated[str | None, Meta(description="Path of a .creds file, when the server asks for one.")] = None
    sync: Annotated[
        str,
        Meta(
            pattern=r"^(always|[0-9]{1,9}(ms|s|m))$(?!\n)",
            description="Embedded server only: how often the log is flushed to the disk.",
        ),
    ] = "1s"


class StreamSettings(Struct, frozen=True, kw_only=True):
    """The log. A change is applied at the next start of any process."""

    retention: Annotated[float, Meta(ge=60, le=10 * 366 * 86_400, description="Seconds an event stays in the log.")] = (
        7 * 24 * 3600.0
    )
    max_bytes: Annotated[
        int, Meta(ge=1 << 20, le=1 << 60, description="Size at which the log refuses work with 503.")
    ] = 8 << 30
    replicas: Annotated[int, Meta(ge=1, le=5, description="Copies of the log; 3 in production.")] = 1
    ack_wait: Annotated[
        float,
        Meta(ge=0.5, le=3600, description="Seconds without a heartbeat after which a task is given to another worker."),
    ] = 30.0
    append_timeout: Annotated[Seconds, Meta(description="Seconds to wait for the log to acknowledge an append.")] = 5.0


class DatabaseSettings(Struct, frozen=True, kw_only=True):
    """The read model."""

    url: Annotated[
        str, Meta(pattern=r"^postgres(ql)?://", description="The Postgres database that has the read model.")
    ] = "postgresql://postgres@127.0.0.1:5432/headrace"
    pool: Annotated[int, Meta(ge=1, le=200, description="Connections the API keeps at most.")] = 10


class ApiSettings(Struct, frozen=True, kw_only=True):
    """`headrace api`."""

    bind: Annotated[Bind, Meta(description="Address and port to listen on.")] = "127.0.0.1:8080"
    hosts: Annotated[
        str,
        Meta(
            pattern=r"^(\*|(\*\.)?[A-Za-z0-9._-]+)(,(\*|(\*\.)?[A-Za-z0-9._-]+))*$(?!\n)|^$(?!\n)",
            description="Hosts under which the API is reached, separated by commas, without ports; *.example.com for all below one, "
            "* for all. Addresses, names without a dot, *.localhost and the host of HEADRACE_API_PUBLIC_URL need not be named.",
        ),
    ] = ""
    connections: Annotated[
        int, Meta(ge=16, le=1_000_000, description="Open connections at most, event streams included.")
    ] = 10_000
    grace: Annotated[Seconds, Meta(description="Seconds streams and requests have to end in after SIGTERM.")] = 10.0
    metrics: Annotated[
        Bind | None, Meta(description="Address and port of /metrics, for Prometheus; nowhere by default.")
    ] = None
    public_url: Annotated[
        Url | None,
        Meta(description="Where browsers reach the API, for follow links; what the request says by default."),
    ] = None
    follow_secrets: Annotated[
        SigningSecrets | None,
        Meta(
            description="Secrets of 32 characters or more, separated by commas: the first signs follow links, all are taken. "
            "Without, there are no follow links."
        ),
    ] = None
    follow_origins: Annotated[
        str,
        Meta(
            pattern=r"^(\*|https?://[^\s,/]+)(,https?://[^\s,/]+)*$(?!\n)|^$(?!\n)",
            description="Origins whose pages may use follow links, separated by commas; * for all.",
        ),
    ] = ""


class WorkerSettings(Struct, frozen=True, kw_only=True):
    """`headrace worker`."""

    slots: Annotated[int, Meta(ge=3, le=10_000, description="Tasks of one async kind a worker runs at a time.")] = 64
    threads: Annotated[
        int, Meta(ge=3, le=256, description="Tasks of one plain-function kind a worker runs at a time.")
    ] = 8
    grace: Annotated[Seconds, Meta(description="Seconds running tasks have to end in after SIGTERM.")] = 20.0
    health: Annotated[Bind, Meta(description="Address and port of /health/live and /health/ready.")] = "127.0.0.1:8081"
    record: Annotated[
        str | None,
        Meta(
            description="A file of this worker's own, where it notes what it runs: the one after it fails a task that held it "
            "up, instead of trying it twice more. None by default; `up` has one."
        ),
    ] = None


class ProjectorSettings(Struct, frozen=True, kw_only=True):
    """`headrace projector`."""

    health: Annotated[Bind, Meta(description="Address and port of /health/live and /health/ready.")] = "127.0.0.1:8082"


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that can be set."""

    home: Annotated[
        str | None,
        Meta(
            description="Where `headrace up` keeps its data; the user-data directory by default, for root /var/lib/headrace."
        ),
    ] = None
    url: Annotated[str, Meta(pattern=r"^https?://", description="The API, for the command line.")] = (
        "http://127.0.0.1:8080"
    )
    consumers: Annotated[str, Meta(description="The package with the task kinds.")] = "consumers"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least that is logged: debug, info, warning or error."),
    ] = "info"
    log_format: Annotated[
        Literal["auto", "json", "pretty"], Meta(description="auto: pretty on a terminal, JSON elsewhere.")
    ] = "auto"
    nats: NatsSettings = NatsSettings()
    stream: StreamSettings = StreamSettings()
    database: DatabaseSettings = DatabaseSettings()
    api: ApiSettings = ApiSettings()
    worker: WorkerSettings = WorkerSettings()
    projector: ProjectorSettings = ProjectorSettings()

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings from an environment. An empty value counts as not set.

        Raises:
            SettingsError: naming every variable whose value cannot be used, and why.
        """
        wrong: list[str] = []
        settings = cast("Settings", _read(cls, PREFIX, environ, wrong))
        if wrong:
            raise SettingsError("these settings cannot be used:\n" + "\n".join(f"  {line}" for line in wrong))
        return settings


def _read(of: type[Struct], prefix: str, environ: Mapping[str, str], wrong: list[str]) -> Struct:
    values: dict[str, Any] = {}
    hints: dict[str, Any] = get_type_hints(of, include_extras=True)
    for name, type_ in hints.items():
        variable = prefix + name.upper()
        if isinstance(type_, type) and issubclass(type_, Struct):
            values[name] = _read(type_, variable + "_", environ, wrong)
        elif given := environ.get(variable):
            try:
                values[name] = msgspec.convert(given, cast("Any", type_), strict=False)
            except msgspec.ValidationError as error:
                wrong.append(f"{_shown(variable, name, given)}: {error}")
            else:
                wrong += [
                    f"{_shown(variable, name, given)}: there is no port {port}" for port in _wrong_ports(name, given)
                ]
    return of(**values)


def _shown(variable: str, name: str, given: str) -> str:
    return f"{variable}={'(hidden)' if name in SECRETS else repr(given[:80])}"


def _wrong_ports(name: str, given: str) -> list[str]:
    """Return the ports of an address, or of several in a URL, that are beyond the largest one."""
    if name not in ADDRESSES:
        return []
    # A password may have colons and digits; it stands before an @, and a path or a query behind the first slash.
    hosts = given.partition("://")[2].rpartition("@")[2].partition("/")[0] if "://" in given else given
    return [port for port in re.findall(r":([0-9]+)(?=,|$)", hosts) if int(port[:6]) > PORT_MAX]


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Return a sentence about each variable that looks like a setting and is none, with the setting whose name is closest.

    A child of `headrace up` returns none, because `up` has said it. What Kubernetes sets for a service of our name is no setting.
    """
    if environ.get(PARENT_PIPE):
        return []
    known = list(_variables(Settings, PREFIX))
    names = sorted(
        name for name, value in environ.items() if name.startswith(PREFIX) and not _of_a_service(name, value)
    )
    return [_about_unknown(name, known) for name in names if name not in known]


def _variables(of: type[Struct], prefix: str) -> Iterator[str]:
    for name, type_ in get_type_hints(of).items():
        if isinstance(type_, type) and issubclass(type_, Struct):
            yield from _variables(type_, f"{prefix}{name.upper()}_")
        else:
            yield prefix + name.upper()


def _about_unknown(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=NAME_LIKENESS_MIN)
    return f"{name} is no setting and is ignored" + (f"; is {close[0]} meant?" if close else "")


def _of_a_service(name: str, value: str) -> bool:
    """Tell whether this is one of the variables that Kubernetes makes for each service, as ``HEADRACE_API_PORT=tcp://…``."""
    if re.search(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?$", name):
        return True
    return name.endswith("_PORT") and "://" in value


def split_bind(bind: str) -> tuple[str, int]:
    """Split ``"127.0.0.1:8080"`` into host and port."""
    host, _, port = bind.rpartition(":")
    return host.strip("[]"), int(port)
