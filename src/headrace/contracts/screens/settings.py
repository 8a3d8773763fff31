"""The settings that administrators change at run time, as a form shows them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from headrace.contracts.screens.envelope import Ref, Screen
from headrace.contracts.tasks import Instant


class SettingChange(Struct, frozen=True, kw_only=True):
    """Who has set a setting to what it is, and when."""

    by: Ref
    at: Instant


class Setting(Struct, frozen=True, kw_only=True):
    """One setting."""

    key: Annotated[str, Meta(description="Its name in `PUT /api/v1/admin/settings`.")]
    title: str
    help: str
    schema: Annotated[dict[str, Any], Meta(description="JSON Schema 2020-12 of the value, with its own `$defs`.")]
    value: Any
    default: Any
    source: Annotated[Literal["default", "stored", "environment"], Meta(description="Where the value comes from.")]
    changed: Annotated[
        SettingChange | None, Meta(description="Null when it was never changed, or longer ago than is kept.")
    ]
    applies: Literal["at_once", "on_restart"]


class SettingGroup(Struct, frozen=True, kw_only=True):
    """Settings that belong together."""

    name: str
    title: str
    settings: list[Setting]


class ServiceStatus(Struct, frozen=True, kw_only=True):
    """What another service says of itself."""

    state: Annotated[Literal["well", "degraded", "down"], Meta(description="How it is.")]
    message: Annotated[str | None, Meta(description="A sentence for people.")]
    at: Annotated[Instant, Meta(description="When it was asked.")]


class SettingsV1(Screen, frozen=True, kw_only=True):
    """The settings that administrators change at run time."""

    version: Annotated[int | None, Meta(description="For `If-Match`, in quotes.")]
    groups: list[SettingGroup] | None
    status: Annotated[
        ServiceStatus | None, Meta(description="Of the service at HEADRACE_API_STATUS_URL; null without one.")
    ]
