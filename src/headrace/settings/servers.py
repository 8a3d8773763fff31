"""The settings of the two servers: how NATS and Postgres are reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from headrace.settings.addresses import PORT_MAX
from headrace.settings.texts import (
    NATS_PATTERN,
    POSTGRES_PATTERN,
    SYNC_PATTERN,
    HostNames,
    Urls,
    UserName,
)

Port = Annotated[int, Meta(ge=1, le=PORT_MAX)]
SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]


class NatsSettings(Struct, frozen=True, kw_only=True):
    """How to reach NATS."""

    url: Annotated[
        str,
        Meta(
            pattern=NATS_PATTERN,
            description="Servers, separated by commas.",
        ),
    ] = "nats://127.0.0.1:4222"
    token: Annotated[str | None, Meta(description="Token, when the server asks for one.")] = None
    user: Annotated[
        UserName | None, Meta(description="User, when the server asks for one; see nats-accounts.conf.")
    ] = None
    password: Annotated[str | None, Meta(description="Password of the user.")] = None
    credentials: Annotated[str | None, Meta(description="Path of a .creds file, when the server asks for one.")] = None
    ca: Annotated[
        str | None,
        Meta(
            description="Path of the certificates (PEM) of the authority that has signed that of NATS, when the system does not "
            "know it. With it, or with tls:// in HEADRACE_NATS_URL, nothing is sent in plain text."
        ),
    ] = None
    cert: Annotated[
        str | None, Meta(description="Path of the client's certificate (PEM), when the server asks for one.")
    ] = None
    key: Annotated[
        str | None,
        Meta(description="Path of the private key of that certificate, when it is in a file of its own."),
    ] = None
    sync: Annotated[
        str,
        Meta(
            pattern=SYNC_PATTERN,
            description="How often the log is flushed to the disk: what the embedded server does, and what you state of your own, "
            "which production wants to be always. No client of NATS can see it; HEADRACE_NATS_MONITOR can.",
        ),
    ] = "1s"
    monitor: Annotated[
        Urls | None,
        Meta(
            description="Monitoring ports of the servers, separated by commas, which `headrace check --connect` asks how they flush."
        ),
    ] = None


class DatabaseSettings(Struct, frozen=True, kw_only=True):
    """The read model: one URL, or its parts."""

    url: Annotated[
        str,
        Meta(
            pattern=POSTGRES_PATTERN,
            description="The Postgres database that has the read model.",
        ),
    ] = "postgresql://postgres@127.0.0.1:5432/headrace"
    host: Annotated[
        HostNames | None,
        Meta(
            description="Instead of the URL, its parts: this one and HEADRACE_DATABASE_USER at least. A host, several separated by "
            "commas, or the directory of a Unix socket."
        ),
    ] = None
    port: Annotated[Port | None, Meta(description="Port of the host; 5432 without.")] = None
    name: Annotated[str | None, Meta(description="Name of the database; headrace without.")] = None
    user: Annotated[str | None, Meta(description="User of the database, when HEADRACE_DATABASE_HOST is given.")] = None
    password: Annotated[str | None, Meta(description="Password of that user.")] = None
    sslmode: Annotated[
        SslMode | None,
        Meta(
            description="How Postgres is reached, with a URL as well as with parts: disable, allow, prefer, require, verify-ca or "
            "verify-full as libpq has them. verify-full where HEADRACE_DATABASE_CA is given, prefer without."
        ),
    ] = None
    ca: Annotated[
        str | None,
        Meta(description="Path of the certificates (PEM) of the authority that has signed that of Postgres."),
    ] = None
    cert: Annotated[
        str | None, Meta(description="Path of the client's certificate (PEM), when Postgres asks for one.")
    ] = None
    key: Annotated[
        str | None,
        Meta(description="Path of the private key of that certificate, when it is in a file of its own."),
    ] = None
    pool: Annotated[int, Meta(ge=1, le=200, description="Connections the API keeps at most.")] = 10

    @property
    def variable(self) -> str:
        """The variable that says where the database is, for messages."""
        return "HEADRACE_DATABASE_URL" if self.host is None else "HEADRACE_DATABASE_HOST"


def keys_without_certificate(nats: NatsSettings, database: DatabaseSettings) -> Iterator[str]:
    """Yield a sentence for each server whose client's key is given alone: nobody would be shown it."""
    for name, given in (("NATS", nats), ("DATABASE", database)):
        if given.key is not None and given.cert is None:
            yield f"HEADRACE_{name}_KEY: HEADRACE_{name}_CERT is missing, the certificate of this key"
