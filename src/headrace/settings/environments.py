"""Environments: ``HEADRACE_ENV`` chooses the defaults of some settings. `headrace.settings.production` says what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Environment = Literal["local", "staging", "production"]

_DEPLOYED: Mapping[str, str] = {
    "HEADRACE_LOG_FORMAT": "json",
    "HEADRACE_API_ACCESS_LOG": "true",
    "HEADRACE_API_DRAIN": "5",
    "HEADRACE_LIMITS_FACTOR": "1",
}

# What is the default there instead of that in the sections. A variable that is set wins.
DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "local": {},
    "staging": _DEPLOYED,
    "production": {**_DEPLOYED, "HEADRACE_STREAM_REPLICAS": "3"},
}


def with_defaults(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with the defaults that its ``HEADRACE_ENV`` has."""
    given = {name: value for name, value in environ.items() if value}
    return {**DEFAULTS.get(given.get("HEADRACE_ENV", "local"), {}), **given}
