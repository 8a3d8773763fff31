"""The types of settings that several sections have, and the patterns of texts, each with what a text is that matches it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from headrace.contracts.patterns import VISIBLE_PATTERN, WORD_PATTERN, pattern_of

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Delay = Annotated[float, Meta(ge=0, le=3600)]
_BIND = pattern_of(
    "an address and a port, such as 127.0.0.1:8080 or [::1]:8080, or :8080 for every address",
    r"^[^\s:]*:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$",
)
Bind = Annotated[str, Meta(pattern=_BIND)]
OperationsBind = Annotated[
    Bind,
    Meta(
        description="Address and port of /health/live, /health/startup, /health/ready, /metrics and /backlog; :9090 is every address."
    ),
]

ProxyHeader = Literal["x-forwarded", "forwarded"]
Limit = Annotated[int, Meta(ge=1, le=1_000_000_000)]
UserName = Annotated[str, Meta(pattern=WORD_PATTERN)]
Url = Annotated[str, Meta(pattern=pattern_of("a URL, such as https://api.example.com", r"^https?://\S+$(?!\n)"))]
_URLS = pattern_of(
    "one or more URLs such as http://127.0.0.1:8222, separated by commas",
    r"^https?://[^\s,]+(,https?://[^\s,]+)*$(?!\n)",
)
Urls = Annotated[str, Meta(pattern=_URLS)]
ApiKeyText = Annotated[str, Meta(pattern=VISIBLE_PATTERN)]
_SECRETS = pattern_of(
    "one or more secrets of 32 characters or more each, without spaces, separated by commas; `headrace secret` makes one",
    r"^[^,\s]{32,}(,[^,\s]{32,})*$(?!\n)",
)
SigningSecrets = Annotated[str, Meta(pattern=_SECRETS)]

_HOST_NAMES = pattern_of(
    "a host, several separated by commas, or the directory of a Unix socket; the port is HEADRACE_DATABASE_PORT",
    r"^(/[^\s,]*|\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(,(/[^\s,]*|\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+))*$(?!\n)",
)
HostNames = Annotated[str, Meta(pattern=_HOST_NAMES)]

HOSTS_PATTERN = pattern_of(
    "one or more names of hosts, such as api.example.com or *.example.com, separated by commas",
    r"^(\*|(\*\.)?[A-Za-z0-9._-]+)(,(\*|(\*\.)?[A-Za-z0-9._-]+))*$(?!\n)|^$(?!\n)",
)
ORIGINS_PATTERN = pattern_of(
    "one or more origins, such as https://app.example.com, separated by commas",
    r"^https?://[^\s,/*]+(,https?://[^\s,/*]+)*$(?!\n)|^$(?!\n)",
)
FOLLOW_ORIGINS_PATTERN = pattern_of(
    "*, or one or more origins, such as https://app.example.com, separated by commas",
    r"^(\*|https?://[^\s,/]+)(,https?://[^\s,/]+)*$(?!\n)|^$(?!\n)",
)
MOUNTS_PATTERN = pattern_of(
    "one or more of core, member, admin and streams, separated by commas",
    r"^(core|member|admin|streams)(,(core|member|admin|streams))*$(?!\n)",
)
NATS_PATTERN = pattern_of("a URL of NATS, such as nats://127.0.0.1:4222", r"^(nats|tls|ws|wss)://")
SYNC_PATTERN = pattern_of("always, or a time such as 1s or 100ms", r"^(always|[0-9]{1,9}(ms|s|m))$(?!\n)")
POSTGRES_PATTERN = pattern_of("a URL of Postgres, such as postgresql://user@host:5432/headrace", r"^postgres(ql)?://")
URL_PATTERN = pattern_of("a URL, such as http://127.0.0.1:8080", r"^https?://")
