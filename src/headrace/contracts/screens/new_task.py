"""What somebody needs to submit a task: the kinds, the form of one of them, and what may be sent."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, ValidationError, convert

from headrace.contracts.kinds import KindDescription
from headrace.contracts.screens.envelope import Screen
from headrace.contracts.tasks import Instant

PREFILL_BYTES_MAX = 256 << 10  # of JSON that is put into a form; more is sent by a program


class NewTaskKind(Struct, frozen=True, kw_only=True):
    """A kind that can be submitted."""

    name: str
    title: Annotated[str, Meta(description="Its name as words.")]
    description: str
    has_workers: bool
    paused: bool
    enabled: Annotated[bool, Meta(description="Whether administrators permit to submit it.")]
    waiting: Annotated[int | None, Meta(description="How many of the caller's tasks of it are queued.")]
    typical_seconds: Annotated[
        float | None,
        Meta(description="Half of its tasks that ended within six hours ran for less; null when none did."),
    ]
    takes_files: bool


class SelectedKind(Struct, frozen=True, kw_only=True):
    """The kind that the form is of."""

    name: str
    input_schema: Annotated[dict[str, Any], Meta(description="JSON Schema 2020-12.")]
    timeout: Annotated[float, Meta(description="Seconds one attempt may take.")]
    max_attempts: int
    concurrency: Annotated[int | None, Meta(description="How many run at a time; null for no limit.")]
    rate: Annotated[float | None, Meta(description="How many start a second; null for no limit.")]
    example: Annotated[Any, Meta(description="An input as its schema shows one; null when that shows none.")]
    prefill: Annotated[
        Any, Meta(description="The input of the task that `from` names; null without one, and for more than 256 KB.")
    ]
    labels: Annotated[dict[str, str], Meta(description="The labels of that task.")]


class RecentTask(Struct, frozen=True, kw_only=True):
    """A task that may be submitted again, with changes."""

    id: str
    kind: str
    title: str
    created_at: Instant


class SubmissionLimits(Struct, frozen=True, kw_only=True):
    """What may be sent."""

    input_bytes: Annotated[int, Meta(description="Of one input as JSON.")]
    batch_inputs: int
    batch_bytes: Annotated[int, Meta(description="Of all inputs of a batch, as NDJSON.")]
    upload_bytes: Annotated[int, Meta(description="Of a file; 0 where no files can be sent.")]
    delay_seconds: float
    submissions_left: Annotated[
        int | None, Meta(description="Until the end of the present window, as far as this process knows.")
    ]


class NewTaskV1(Screen, frozen=True, kw_only=True):
    """What can be run, with what, and how much of it."""

    kinds: list[NewTaskKind] | None
    selected: Annotated[
        SelectedKind | None, Meta(description="Null when no kind was asked for, and when there is none of that name.")
    ]
    recent: Annotated[list[RecentTask] | None, Meta(description="The newest tasks of the caller, 5 at most.")]
    limits: SubmissionLimits | None


def example_of(kind: KindDescription) -> Any:
    """Return an input as the schema of a kind shows one; None when it shows none.

    It is the first of the schema's own ``examples``, else one with the first example or the default of each required property.
    """
    schema = _Shown.of(_root_of(kind.input_schema))
    if schema.examples:
        return schema.examples[0]
    parts = {name: _Shown.of(part) for name, part in schema.properties.items()}
    shown = {name: part.value for name, part in parts.items() if part.value is not None}
    if not any(part.examples for part in parts.values()) or not shown.keys() >= set(schema.required):
        return None
    return shown


class _Shown(Struct):
    """What a part of a schema shows. One that is ``true``, or has these words in another sense, shows nothing."""

    examples: list[Any] = []
    default: Any = None
    properties: dict[str, Any] = {}
    required: list[str] = []

    @classmethod
    def of(cls, part: Any) -> _Shown:
        try:
            return convert(part, _Shown)
        except ValidationError:
            return _Shown()

    @property
    def value(self) -> Any:
        return self.examples[0] if self.examples else self.default


def _root_of(schema: dict[str, Any]) -> Any:
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    return schema.get("$defs", {}).get(name, schema)
