"""What production refuses: settings with which Headrace would run, and would lose or show something that it must not.

Each rule looks at the settings alone. What the servers say about themselves is asked by `headrace check --connect`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from headrace.settings.sections import DatabaseSettings, Settings

Process = Literal["api", "worker", "projector", "provision", "migrate", "up"]

REPLICAS_MIN = 3  # one server may be lost, and the other two still agree
SECRET_CHARACTERS_MIN = 12  # different ones in a secret; a random one of 32 letters and digits has 20 or more
PASSWORD_LENGTH_MIN = 16  # of programs, which do not have to remember it
_ENCRYPTED: Final = frozenset({"require", "verify-ca", "verify-full"})


class Refusal(NamedTuple):
    """Why a setting is refused in production.

    Attributes:
        variable: The variable that has to change.
        reason: What is wrong, without the value.
        remedy: What to do.
        is_warning: The setting works; another one would protect more.
    """

    variable: str
    reason: str
    remedy: str
    is_warning: bool = False


def refusals(settings: Settings, process: Process | None = None) -> list[Refusal]:
    """Return what is refused of the settings, all at once; nothing outside of production.

    Args:
        settings: The settings.
        process: The process that is to start; every process but `up` when None.
    """
    if settings.env != "production":
        return []
    rules = [rule for rule, of in _RULES.items() if (process is None and of != {"up"}) or process in of]
    return [refusal for rule in rules for refusal in rule(settings)]


def _embedded(_: Settings) -> Iterator[Refusal]:
    yield Refusal(
        "HEADRACE_ENV",
        "`headrace up` runs NATS and Postgres on this machine alone",
        "run `headrace api`, `worker` and `projector` with servers of your own, or set HEADRACE_ENV to local or staging",
    )


def _secrets(settings: Settings) -> Iterator[Refusal]:
    remedy = "make one with `headrace secret`, and give it to every API process, best as HEADRACE_API_SECRETS_FILE"
    if settings.api.secrets is None:
        yield Refusal("HEADRACE_API_SECRETS", "is missing: nothing could sign sessions or hash keys", remedy)
    elif _is_guessable(settings.api.secrets):
        yield Refusal("HEADRACE_API_SECRETS", "has a secret of very few different characters", remedy)
    if settings.api.follow_secrets is not None and _is_guessable(settings.api.follow_secrets):
        reason = "has a secret of very few different characters"
        yield Refusal("HEADRACE_API_FOLLOW_SECRETS", reason, "make one with `headrace secret`, or leave it out")


def _is_guessable(secrets: str) -> bool:
    return any(len(set(each)) < SECRET_CHARACTERS_MIN for each in secrets.split(","))


def _trusted_proxies(settings: Settings) -> Iterator[Refusal]:
    if not settings.api.trusted_proxies:
        yield Refusal(
            "HEADRACE_API_TRUSTED_PROXIES",
            "is missing: every client would have the address of the proxy, and share its limits",
            "name the addresses or networks of the proxies before the API; 127.0.0.1 when clients reach it without any",
        )


def _open_origins(settings: Settings) -> Iterator[Refusal]:
    if "*" in settings.api.follow_origins.split(","):
        yield Refusal(
            "HEADRACE_API_FOLLOW_ORIGINS",
            "lets the pages of every origin read follow links",
            "name the origins of your pages, as https://app.example.com",
        )


def _nats_accounts(settings: Settings) -> Iterator[Refusal]:
    nats = settings.nats
    if nats.credentials or nats.token or all(urlsplit(url.strip()).username for url in nats.url.split(",")):
        return
    remedy = "give each process a user of docs/nats-accounts.conf, and HEADRACE_NATS_PASSWORD_FILE"
    if not nats.user:
        yield Refusal("HEADRACE_NATS_USER", "is missing: NATS is used without authentication", remedy)
    elif len(nats.password or "") < PASSWORD_LENGTH_MIN:
        reason = f"is missing, or shorter than {PASSWORD_LENGTH_MIN} characters"
        yield Refusal("HEADRACE_NATS_PASSWORD", reason, remedy)


def _flushing(settings: Settings) -> Iterator[Refusal]:
    if settings.nats.sync != "always":
        yield Refusal(
            "HEADRACE_NATS_SYNC",
            "does not say that the servers flush what they acknowledge, so accepted work may be lost with the power",
            "set `sync_interval: always` in the jetstream block of every nats-server, then HEADRACE_NATS_SYNC=always",
        )


def _copies(settings: Settings) -> Iterator[Refusal]:
    if settings.stream.replicas < REPLICAS_MIN:
        yield Refusal(
            "HEADRACE_STREAM_REPLICAS",
            f"is {settings.stream.replicas}: the log would be lost with too few disks",
            f"run {REPLICAS_MIN} nats-servers and leave it out, or set it to {REPLICAS_MIN} or 5",
        )


def _own_database(settings: Settings) -> Iterator[Refusal]:
    if settings.database.url == DatabaseSettings().url:
        yield Refusal(
            "HEADRACE_DATABASE_URL",
            "is missing: the default is a superuser without a password, of a Postgres on this machine",
            "name the database and a user of its own, best in a file: HEADRACE_DATABASE_URL_FILE, or by HEADRACE_DATABASE_HOST",
        )


def _encrypted_database(settings: Settings) -> Iterator[Refusal]:
    if exposed := plain_text_hosts(settings.database.url):
        yield Refusal(
            settings.database.variable,
            f"reaches {', '.join(exposed)} in plain text",
            "set HEADRACE_DATABASE_CA to the certificates of its authority, or add sslmode=verify-full to the query of the URL",
        )


def plain_text_hosts(url: str) -> list[str]:
    """Return the hosts of a database URL that are not on this machine and to which the connection may be in plain text."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if query.get("sslmode", [""])[-1] in _ENCRYPTED:
        return []
    named = [_host_of(each) for each in parts.netloc.rpartition("@")[2].split(",") if each]
    named += [each for listed in query.get("host", []) for each in listed.split(",")]
    return [host for host in named if not _is_on_this_machine(host)]


def _host_of(address: str) -> str:
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return unquote(address.partition(":")[0])


def _is_on_this_machine(host: str) -> bool:
    # A path is that of a Unix socket.
    if not host or host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _debug_logs(settings: Settings) -> Iterator[Refusal]:
    if settings.log_level == "debug":
        yield Refusal(
            "HEADRACE_LOG_LEVEL", "is debug, which shows what is nobody's business", "leave it out, or set it to info"
        )


_Rule = Callable[[Settings], Iterator[Refusal]]

# Which processes each rule is about: a worker has neither the database nor the secrets of the API.
_RULES: dict[_Rule, set[Process]] = {
    _embedded: {"up"},
    _secrets: {"api"},
    _trusted_proxies: {"api"},
    _open_origins: {"api"},
    _nats_accounts: {"api", "worker", "projector", "provision"},
    _flushing: {"api", "worker", "projector", "provision"},
    _copies: {"api", "worker", "projector", "provision"},
    _own_database: {"api", "projector", "migrate"},
    _encrypted_database: {"api", "projector", "migrate"},
    _debug_logs: {"api", "worker", "projector", "provision", "migrate"},
}
