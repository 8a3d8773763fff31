"""Which tasks: the one filter of lists, counts and bulk actions, so that what is listed is what is changed."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from headrace.contracts.fingerprints import FINGERPRINT_PATTERN
from headrace.contracts.labels import Labels
from headrace.contracts.patterns import PRINTABLE_PATTERN, pattern_of
from headrace.contracts.tasks import ID_PATTERN, FailureCode, Instant, KindName, State

KINDS_MAX: Final = 10  # in one filter; each is read for itself
TEXT_CHARS_MAX: Final = 200  # of a text to search for; a title has 120
DURATION_SECONDS_MAX: Final = 1e9  # more than thirty years; no task takes as long, and infinity is no duration

ANY_OWNER: Final = "*"  # in place of an owner; no id has this character
OWNER_PATTERN = pattern_of("the id of an owner, or * for all owners", r"^([A-Za-z0-9_-]{1,64}|\*)$(?!\n)")

Id = Annotated[str, Meta(max_length=64, pattern=ID_PATTERN)]
Fingerprint = Annotated[str, Meta(pattern=FINGERPRINT_PATTERN)]
SearchText = Annotated[str, Meta(max_length=TEXT_CHARS_MAX, pattern=PRINTABLE_PATTERN)]
Seconds = Annotated[float, Meta(ge=0, le=DURATION_SECONDS_MAX)]


class Filter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tasks. A field that is left out, null or empty does not restrict them; those that are given all hold."""

    state: Annotated[list[State], Meta(max_length=len(State), description="Tasks in any of these states.")] = []
    kind: Annotated[list[KindName], Meta(max_length=KINDS_MAX, description="Tasks of any of these kinds.")] = []
    code: Annotated[
        list[FailureCode], Meta(max_length=len(FailureCode), description="Tasks that failed with any of these codes.")
    ] = []
    batch: Annotated[Id | None, Meta(description="The tasks of this batch.")] = None
    schedule: Annotated[Id | None, Meta(description="The tasks that this schedule has submitted.")] = None
    owner: Annotated[
        Annotated[str, Meta(pattern=OWNER_PATTERN)] | None,
        Meta(description="Administrators only: whose tasks, instead of one's own; `*` for those of all owners."),
    ] = None
    fingerprint: Annotated[Fingerprint | None, Meta(description="Tasks that failed alike.")] = None
    q: Annotated[
        SearchText | None,
        Meta(
            description="All of these words are in the title, the last one as the beginning of a word; or it is the id of the "
            "task, or the last 12 characters of it."
        ),
    ] = None
    labels: Annotated[Labels, Meta(description="Tasks that have all of these labels.")] = {}
    created_from: Instant | None = None
    created_before: Instant | None = None
    finished_from: Instant | None = None
    finished_before: Instant | None = None
    slower_than: Annotated[Seconds | None, Meta(description="Seconds: tasks that ran for longer.")] = None
    waited_longer_than: Annotated[Seconds | None, Meta(description="Seconds: tasks that waited for longer.")] = None
