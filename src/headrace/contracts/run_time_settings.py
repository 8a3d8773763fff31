"""Settings that administrators change while everything runs. None of them is a secret."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from headrace.contracts.identity import ONE_LINE_PATTERN
from headrace.contracts.tasks import ID_PATTERN, KIND_PATTERN

KINDS_MAX = 1_000  # that are disabled
OWN_LIMITS_MAX = 1_000  # accounts with limits of their own
BANNER_CHARS_MAX = 500  # a few sentences above each page
RETENTION_DAYS_MAX = 36_600  # a hundred years; 0 says for ever
LIMIT_MAX = 1_000_000_000  # in a window; nobody meets it

RegistrationState = Literal["open", "closed"]
AtMost = Annotated[int, Meta(ge=1, le=LIMIT_MAX)]
Kind = Annotated[str, Meta(pattern=KIND_PATTERN)]
UserId = Annotated[str, Meta(pattern=ID_PATTERN)]
Days = Annotated[int, Meta(ge=0, le=RETENTION_DAYS_MAX, description="Days; 0 keeps for ever.")]
Banner = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=BANNER_CHARS_MAX,
        pattern=ONE_LINE_PATTERN,
        description="A text that everybody is shown.",
    ),
]


class AccountLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much an account may do. Null is what the settings of the processes say."""

    submissions: Annotated[AtMost | None, Meta(description="In a minute.")] = None
    reads: Annotated[AtMost | None, Meta(description="In a minute.")] = None
    streams: Annotated[AtMost | None, Meta(description="Open at a time.")] = None


class Retention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long lists and details show what has finished. The log has a retention of its own, HEADRACE_STREAM_RETENTION."""

    days: Annotated[Days, Meta(description="Days after its finish until a task is removed; 0 keeps for ever.")] = 90
    kinds: Annotated[
        dict[Kind, Days], Meta(max_length=KINDS_MAX, description="Days of kinds that differ from that.")
    ] = field(default_factory=dict[str, int])

    def days_of(self, kind: str) -> int:
        """Return for how many days finished tasks of a kind are kept; 0 for ever."""
        return self.kinds.get(kind, self.days)


class RunTimeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What administrators set at run time."""

    registration: Annotated[RegistrationState, Meta(description="Whether anybody may ask for an account.")] = "open"
    disabled_kinds: Annotated[
        list[Kind], Meta(max_length=KINDS_MAX, description="Kinds that take no submissions, nor fire by schedules.")
    ] = field(default_factory=list[str])
    banner: Banner | None = None
    limits: Annotated[AccountLimits, Meta(description="Of accounts that have none of their own.")] = field(
        default_factory=AccountLimits
    )
    own_limits: Annotated[
        dict[UserId, AccountLimits], Meta(max_length=OWN_LIMITS_MAX, description="By the id of the account.")
    ] = field(default_factory=dict[str, AccountLimits])
    retention: Annotated[Retention, Meta(description="How long finished tasks and settled batches are kept.")] = field(
        default_factory=Retention
    )


class SettingsVersion(Struct, frozen=True, kw_only=True):
    """One version of the settings, as every process is told it.

    Attributes:
        version: Its number. Before anything was changed, it is 0.
        at: When it was set.
        by: The id of who has set it.
        settings: The settings.
    """

    version: int
    at: datetime
    by: str
    settings: RunTimeSettings


class Installation(Struct, frozen=True, kw_only=True):
    """What somebody who is not signed in may know of an installation."""

    registration: RegistrationState
    banner: str | None
