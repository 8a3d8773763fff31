"""How somebody wants to see things in the web application."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

TIME_ZONE_CHARS_MAX = 64  # the longest name of IANA has half as many


class Preferences(Struct, frozen=True, kw_only=True):
    """How the account wants to see things."""

    language: Annotated[Literal["en", "de"] | None, Meta(description="That of the browser when null.")] = None
    theme: Literal["system", "light", "dark"] = "system"
    time_zone: Annotated[
        Annotated[str, Meta(max_length=TIME_ZONE_CHARS_MAX)] | None,
        Meta(description="An IANA name; that of the browser when null."),
    ] = None
    hours: Annotated[Literal["12", "24"] | None, Meta(description="As the language has it when null.")] = None
    density: Literal["comfortable", "compact"] = "comfortable"


class NewPreferences(Preferences, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All preferences of an account. A field that is left out is what it is for an account that has chosen nothing."""
