"""The sections of the settings that only the API reads."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.settings.texts import (
    FOLLOW_ORIGINS_PATTERN,
    HOSTS_PATTERN,
    MOUNTS_PATTERN,
    ORIGINS_PATTERN,
    ApiKeyText,
    Bind,
    Delay,
    Limit,
    OperationsBind,
    ProxyHeader,
    Seconds,
    SigningSecrets,
    Url,
)


class ApiSettings(Struct, frozen=True, kw_only=True):
    """`headrace api`."""

    bind: Annotated[Bind, Meta(description="Address and port to listen on.")] = "127.0.0.1:8080"
    share_bind: Annotated[
        bool,
        Meta(
            description="Whether other API processes of the same user may listen on this address as well; Linux spreads connections "
            "over them. `up` with several APIs sets it."
        ),
    ] = False
    hosts: Annotated[
        str,
        Meta(
            pattern=HOSTS_PATTERN,
            description="Hosts under which the API is reached, separated by commas, without ports; *.example.com for all below one, "
            "* for all. Addresses, names without a dot, *.localhost and the host of HEADRACE_API_PUBLIC_URL need not be named.",
        ),
    ] = ""
    origins: Annotated[
        str,
        Meta(
            pattern=ORIGINS_PATTERN,
            description="Origins, besides its own, whose pages may use the API with the credentials of their users, separated by "
            "commas, as https://app.example.com. There is no * here.",
        ),
    ] = ""
    access_log: Annotated[
        bool, Meta(description="A line in the log about each request; true by default where HEADRACE_ENV is not local.")
    ] = False
    connections: Annotated[
        int, Meta(ge=16, le=1_000_000, description="Open connections at most, event streams included.")
    ] = 10_000
    mounts: Annotated[
        str,
        Meta(
            pattern=MOUNTS_PATTERN,
            description="The parts of the API that this process serves, separated by commas.",
        ),
    ] = "core,member,admin,streams"
    web: Annotated[
        str | None,
        Meta(description="The directory of the built web app, in place of the one that this installation has."),
    ] = None
    trusted_proxies: Annotated[
        str,
        Meta(
            description="Addresses and networks of the proxies before the API, separated by commas: the headers that "
            "HEADRACE_API_PROXY_HEADER names say who the client is and how it has reached them."
        ),
    ] = ""
    proxy_header: Annotated[
        ProxyHeader,
        Meta(description="What they write, set or remove: X-Forwarded-For, -Proto and -Host, or Forwarded alone."),
    ] = "x-forwarded"
    grace: Annotated[Seconds, Meta(description="Seconds streams and requests have to end in after SIGTERM.")] = 10.0
    drain: Annotated[
        Delay,
        Meta(
            description="Seconds after SIGTERM for which it goes on serving and says that it is not ready, so that load balancers send "
            "no more to it; a second signal ends them."
        ),
    ] = 0.0
    ops: OperationsBind = "127.0.0.1:8083"
    public_url: Annotated[
        Url | None,
        Meta(description="Where browsers reach the API, for follow links; what the request says by default."),
    ] = None
    secrets: Annotated[
        SigningSecrets | None,
        Meta(
            description="Secrets of 32 characters or more, separated by commas, the same for every API process: the first signs "
            "access tokens and hashes keys, all are taken. The API does not start without; `headrace secret` makes one."
        ),
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
            pattern=FOLLOW_ORIGINS_PATTERN,
            description="Origins whose pages may use follow links, separated by commas; * for all.",
        ),
    ] = ""
    status_url: Annotated[
        Url | None,
        Meta(
            description="A service whose state administrators are shown; it answers with JSON: `state` is well, degraded or down, and "
            "`message` a sentence."
        ),
    ] = None
    status_key: Annotated[
        ApiKeyText | None,
        Meta(description="What that service knows this installation by, sent as `Authorization: Bearer`."),
    ] = None


class LimitsSettings(Struct, frozen=True, kw_only=True):
    """How much principals and addresses may ask of the API. All of its processes count together."""

    factor: Annotated[float, Meta(ge=1, le=1_000_000, description="What each of these limits is multiplied by.")] = (
        100.0
    )
    sign_ins: Annotated[
        Limit,
        Meta(
            description="Attempts to sign in per minute from one address; for one account, ten times as many from all."
        ),
    ] = 10
    registrations: Annotated[Limit, Meta(description="Registrations per hour, from one address.")] = 5
    wrong_credentials: Annotated[
        Limit, Meta(description="Wrong API keys and reset tokens per minute, from one address at each process.")
    ] = 60
    submissions: Annotated[
        Limit,
        Meta(
            description="Submissions and other changes per minute, of one account; each hundred tasks of a batch count as one."
        ),
    ] = 600
    reads: Annotated[Limit, Meta(description="Requests per minute that only read, of one account.")] = 3_000
    streams: Annotated[Limit, Meta(description="Open event streams of one account at a time.")] = 50
