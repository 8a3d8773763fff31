"""NATS, Postgres and object storage, which are there already. No secret is a value: each is in a Secret that has a name here."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from tests.chart.values.texts import Environment, Key, OptionalKey, Port, SecretName, Section, Url

_NATS_SERVER = r"(nats|tls|ws|wss)://[^\s,/]+"


class NatsAuth(Section, frozen=True, kw_only=True):
    """Who the processes are."""

    method: Annotated[
        Literal["accounts", "user", "token", "credentials"],
        Meta(
            description="accounts: each process is a user of its own, as docs/nats-accounts.conf has them, and the Secret has their "
            "passwords under api, worker, projector and provisioner. user: one for all. token: a token. credentials: a .creds file."
        ),
    ] = "accounts"
    existing_secret: Annotated[SecretName, Meta(description="The Secret. Production wants one.")] = ""
    user: Annotated[str, Meta(description="The name, with the method user.", pattern=r"^[^\s@:]*$")] = "headrace"
    key: Annotated[
        OptionalKey,
        Meta(description="The key in the Secret; by default password, token or nats.creds, as the method is."),
    ] = ""


class NatsTls(Section, frozen=True, kw_only=True):
    """Certificates for NATS. With tls:// in the URL, authorities that the system knows need none."""

    ca_secret: Annotated[
        SecretName, Meta(description="The Secret with the certificates of the authority that has signed the server's.")
    ] = ""
    ca_key: Annotated[Key, Meta(description="Their key in it.")] = "ca.crt"
    cert_secret: Annotated[
        SecretName, Meta(description="The Secret with tls.crt and tls.key, where the server asks for ours.")
    ] = ""


class Nats(Section, frozen=True, kw_only=True):
    """NATS 2.14 or newer, with JetStream: three servers with `sync_interval: always`. docs/kubernetes.md has values for its chart."""

    url: Annotated[
        str,
        Meta(
            description="The servers, separated by commas; tls:// is encrypted.",
            pattern=f"^{_NATS_SERVER}(,{_NATS_SERVER})*$",
        ),
    ] = "nats://nats.nats:4222"
    replicas: Annotated[int, Meta(description="Copies of the log. Production wants three at least.", ge=1, le=5)] = 3
    sync: Annotated[
        Literal["", "always"],
        Meta(
            description="Say always once each server has `sync_interval: always`, so that what was accepted survives a power cut. "
            "No client of NATS can see it, and production does not start without."
        ),
    ] = ""
    monitor: Annotated[
        str,
        Meta(
            description="Monitoring ports of the servers, such as http://nats-headless.nats:8222, separated by commas: for "
            "`headrace check`, and for scaling by nats-jetstream, which wants the headless Service.",
            pattern=r"^(https?://[^\s,@]+(,https?://[^\s,@]+)*)?$",
        ),
    ] = ""
    auth: Annotated[NatsAuth, Meta(description="Who the processes are.")] = field(default_factory=NatsAuth)
    tls: Annotated[NatsTls, Meta(description="Certificates.")] = field(default_factory=NatsTls)


class DatabaseTls(Section, frozen=True, kw_only=True):
    """Certificates for Postgres. With an authority, the server's certificate and its host are verified."""

    ca_secret: Annotated[
        SecretName,
        Meta(description="The Secret with the certificates of its authority; of CloudNativePG <cluster>-ca."),
    ] = ""
    ca_key: Annotated[Key, Meta(description="Their key in it.")] = "ca.crt"
    cert_secret: Annotated[
        SecretName, Meta(description="The Secret with tls.crt and tls.key, where the server asks for ours.")
    ] = ""


class Database(Section, frozen=True, kw_only=True):
    """The Postgres database that has the read model."""

    existing_secret: Annotated[
        SecretName,
        Meta(description="The Secret with its URL, or with the password; of CloudNativePG <cluster>-app. Required."),
    ] = ""
    url_key: Annotated[Key, Meta(description="The key of a URL: postgresql://user:password@host:5432/name")] = "uri"
    host: Annotated[
        str,
        Meta(
            description="Instead of a URL, its parts: the host, or several separated by commas.",
            pattern=r"^[^\s@]*$",
        ),
    ] = ""
    port: Annotated[Port, Meta(description="With a host: its port.")] = 5432
    name: Annotated[str, Meta(description="With a host: the name of the database.")] = "headrace"
    user: Annotated[str, Meta(description="With a host: the user.")] = "headrace"
    password_key: Annotated[Key, Meta(description="With a host: the key of the user's password.")] = "password"
    sslmode: Annotated[
        Literal["", "disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
        Meta(
            description="How it is reached, as libpq has it; verify-full with an authority, else what the URL says. Production refuses "
            "what may be in plain text."
        ),
    ] = ""
    tls: Annotated[DatabaseTls, Meta(description="Certificates.")] = field(default_factory=DatabaseTls)


class Objects(Section, frozen=True, kw_only=True):
    """Where files are. Without a bucket, tasks have no files: uploads are refused, and results stay small."""

    url: Annotated[
        str,
        Meta(
            description="The bucket: s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.",
            pattern=r"^((s3|gs|az)://[^\s/?#@]+(/[^\s?#]*)?)?$",
        ),
    ] = ""
    endpoint: Annotated[
        Url, Meta(description="An S3-compatible server, as the processes reach it; AWS by default.")
    ] = ""
    public_endpoint: Annotated[Url, Meta(description="The same as browsers reach it.")] = ""
    region: Annotated[str, Meta(description="The region of the bucket.")] = ""
    download_url: Annotated[Url, Meta(description="A host for downloads, such as a CDN.")] = ""
    existing_secret: Annotated[
        SecretName,
        Meta(
            description="The Secret with the credentials. Without one they are those of the service account: annotate it for workload identity."
        ),
    ] = ""
    secret_env: Annotated[
        dict[str, Key | None], Meta(description="Which variable has which key of it; for GCS and Azure theirs.")
    ] = field(
        default_factory=lambda: {
            "AWS_ACCESS_KEY_ID": "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY": "AWS_SECRET_ACCESS_KEY",
        }
    )
    extra_env: Annotated[
        Environment, Meta(description="Further variables of those who use the bucket: the API and workers.")
    ] = field(default_factory=dict)
