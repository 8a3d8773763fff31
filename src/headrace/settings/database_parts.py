"""The URL of the database from its parts. Everybody who connects uses the URL, so the parts mean the same to all of them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, quote, urlencode, urlsplit, urlunsplit

from msgspec.structs import replace

from headrace.settings.secret_files import is_given
from headrace.settings.servers import DatabaseSettings

URL = "HEADRACE_DATABASE_URL"
HOST = "HEADRACE_DATABASE_HOST"

_INSTEAD_OF_URL = ("host", "port", "name", "user", "password")
_NAMES_IN_URL = {"sslmode": "sslmode", "ca": "sslrootcert", "cert": "sslcert", "key": "sslkey"}
_DEFAULT_NAME = "headrace"


def database_variable(environ: Mapping[str, str]) -> str | None:
    """Return the variable of an environment that says where the database is; None when none does."""
    return next((variable for variable in (URL, HOST) if is_given(environ, variable)), None)


def join_parts(given: DatabaseSettings, wrong: list[str]) -> DatabaseSettings:
    """Return the settings with the parts in the URL.

    Args:
        given: What was read.
        wrong: Gets a sentence for each variable that does not go with the others.
    """
    parts = [name for name in _INSTEAD_OF_URL if getattr(given, name) is not None]
    has_url = given.url != DatabaseSettings().url
    if parts and has_url:
        wrong.append(
            f"{URL}: {_variables(parts)} {'is' if len(parts) == 1 else 'are'} given too; unset one or the other"
        )
    elif parts and (missing := [name for name in ("host", "user") if getattr(given, name) is None]):
        wrong += [f"{_variable(name)}: is missing; {_variables(parts)} cannot do without it" for name in missing]
    elif parts:
        given = replace(given, url=_url_of(given))
    return replace(given, url=_with_tls(given, wrong))


def _url_of(given: DatabaseSettings) -> str:
    user = quote(given.user or "", safe="")
    password = f":{quote(given.password, safe='')}" if given.password else ""
    query = {"host": given.host, **({} if given.port is None else {"port": _ports(given)})}
    return f"postgresql://{user}{password}@/{quote(given.name or _DEFAULT_NAME, safe='')}?{urlencode(query)}"


def _ports(given: DatabaseSettings) -> str:
    return ",".join([str(given.port)] * len((given.host or "").split(",")))


def _with_tls(given: DatabaseSettings, wrong: list[str]) -> str:
    """Return the URL with what is given about TLS in its query, under the names that libpq and asyncpg have for it."""
    asked = {name: getattr(given, name) for name in _NAMES_IN_URL if getattr(given, name) is not None}
    if not asked:
        return given.url
    parts = urlsplit(given.url)
    said = parse_qs(parts.query)
    wrong += [
        f"{_variable(name)}: {URL} says {of_libpq} too; leave it out of one of them"
        for name, of_libpq in _NAMES_IN_URL.items()
        if name in asked and of_libpq in said
    ]
    if "ca" in asked and "sslmode" not in asked and "sslmode" not in said:
        asked["sslmode"] = "verify-full"
    added = urlencode({_NAMES_IN_URL[name]: value for name, value in asked.items()})
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


def _variable(name: str) -> str:
    return f"HEADRACE_DATABASE_{name.upper()}"


def _variables(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(map(_variable, names[:-1])), _variable(names[-1]))))
