"""The catalog: the task kinds that the cluster knows, kept in a key-value bucket.

Workers announce their kinds when they start and then every 30 seconds. The API follows the bucket and checks submissions by
what was announced, see `headrace.inputs`, so that a new kind needs no deploy of the API.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import datetime, timedelta
from time import monotonic
from types import MappingProxyType
from typing import Any

import msgspec

from headrace.awaited_kinds import AwaitedKinds
from headrace.contracts.file_fields import FileFields
from headrace.contracts.kinds import CatalogEntry, KindDescription
from headrace.contracts.problems import FieldError
from headrace.contracts.tasks import NULL
from headrace.contracts.titles import choose_title, marked_properties
from headrace.errors import InvalidInput, LogUnavailable, UnknownKind
from headrace.inputs import InputCheck
from headrace.log import clock, subjects
from headrace.log.buckets import Entry, follow_bucket
from headrace.log.connection import Log
from headrace.telemetry import get_logger

FIRST_ANNOUNCEMENT_SECONDS = 3.0  # after the log can be used: workers learn it within a fifth, and announce their kinds
WORKERS_GONE_SECONDS = 120.0  # four missed announcements
UNUSABLE_MAX = 1000  # kinds of which the reason is kept

_NO_NAMES: Mapping[str, str] = MappingProxyType({})

_INCOMPLETE = "which kinds there are is not known until the log can be used, and workers have announced them"

log = get_logger(__name__)

_description_decoder = msgspec.json.Decoder(KindDescription)


class _KnownKind:
    __slots__ = ("announced", "announced_at", "check", "description", "files", "title_property")

    def __init__(self, announced: bytes, announced_at: datetime) -> None:
        self.announced = announced
        self.announced_at = announced_at
        self.description = _description_decoder.decode(announced)
        input_type = _input_type_decoder.decode(announced).input_type
        self.check = _make_check(self.description, input_type)
        self.title_property = next(iter(marked_properties(self.description.input_schema)), None)
        self.files = FileFields(self.description.input_schema)


class _InputType(msgspec.Struct):
    """The field of an announcement that is not part of the description that clients see."""

    input_type: msgspec.Raw = NULL


def _make_check(description: KindDescription, input_type: msgspec.Raw) -> InputCheck:
    try:
        return InputCheck(description.input_schema, input_type)
    except ValueError as error:
        check = InputCheck(description.input_schema)
        # A worker of a later version may know more types.
        log.warning(
            "the type of an input is not known here; its schema decides", kind=description.name, error=str(error)
        )
        return check


class _Name(msgspec.Struct):
    name: str


_input_type_decoder = msgspec.json.Decoder(_InputType)
_name_decoder = msgspec.json.Decoder(_Name)


class Catalog:
    """Knows every announced kind, and validates inputs against its schema."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._known: dict[str, _KnownKind] = {}
        # Why a kind that was announced cannot be submitted to.
        self._unusable: dict[str, str] = {}
        self._awaited = AwaitedKinds()

    async def open(self) -> None:
        """Load every kind and follow the changes from now on."""
        await follow_bucket(self._log, subjects.CATALOG_STREAM, subjects.CATALOG_ENTRIES, self._on_entry)

    @property
    def problem(self) -> str | None:
        """Why nothing can be submitted, as health checks say it; None when a kind is known."""
        if self._known:
            return None
        return "no worker has announced one; start a worker" if self._is_complete else _INCOMPLETE

    def entries(self, paused: Container[str] = ()) -> list[CatalogEntry]:
        """Return all kinds, ordered by name. Those in ``paused`` are marked as paused."""
        return [self.entry(name, paused) for name in sorted(self._known)]

    def entry(self, kind: str, paused: Container[str] = ()) -> CatalogEntry:
        """Return one kind. It is marked as paused when ``paused`` contains it.

        Raises:
            LogUnavailable: which kinds there are is not known yet.
            UnknownKind: no worker ever announced it.
        """
        known = self._find(kind)
        return CatalogEntry(
            **msgspec.structs.asdict(known.description),
            announced_at=known.announced_at,
            has_workers=known.announced_at >= clock.now() - timedelta(seconds=WORKERS_GONE_SECONDS),
            paused=kind in paused,
        )

    def describe(self, kind: str) -> KindDescription:
        """Return the description that workers announced for a kind.

        Raises:
            LogUnavailable: which kinds there are is not known yet.
            UnknownKind: no worker ever announced it.
        """
        return self._find(kind).description

    def validate(self, kind: str, input: dict[str, Any], encoded: bytes | msgspec.Raw) -> KindDescription:
        """Validate an input for its kind and return the description of the kind.

        Args:
            kind: The name of the kind.
            input: The input.
            encoded: The same as JSON.

        Raises:
            LogUnavailable: which kinds there are is not known yet.
            UnknownKind: no worker ever announced the kind.
            InvalidInput: the kind does not take the input. The error names each wrong path.
        """
        known = self._find(kind)
        if not known.check.accepts(input, encoded):
            errors = known.check.explain(input, encoded, "/input")
            raise InvalidInput(f"the input does not match the schema of kind {kind!r}; see errors", errors)
        return known.description

    def make_title(self, kind: str, input: dict[str, Any], file_names: Mapping[str, str] = _NO_NAMES) -> str | None:
        """Make the title of a task from its input, as the schema of its kind says; None when no title can be made.

        Args:
            kind: The name of the kind.
            input: The input.
            file_names: The names of the files that it names, by their ids.

        Raises:
            LogUnavailable: which kinds there are is not known yet.
            UnknownKind: no worker ever announced the kind.
        """
        known = self._find(kind)
        return choose_title(input, known.title_property, known.files.at_top, file_names)

    def file_fields(self, kind: str) -> FileFields | None:
        """Return where the inputs of a kind have files; None for a kind that takes none.

        Raises:
            LogUnavailable: which kinds there are is not known yet.
            UnknownKind: no worker ever announced the kind.
        """
        return self._find(kind).files or None

    def find_errors(
        self, kind: str, input: dict[str, Any], encoded: bytes | msgspec.Raw, path: str
    ) -> list[FieldError]:
        """Return each place of an input that its kind does not take, as a path that begins with ``path``.

        The list is empty when the input is valid. `validate` explains the other arguments.

        Raises:
            LogUnavailable: which kinds there are is not known yet.
            UnknownKind: no worker ever announced the kind.
        """
        check = self._find(kind).check
        return [] if check.accepts(input, encoded) else check.explain(input, encoded, path)

    def _find(self, kind: str) -> _KnownKind:
        try:
            return self._known[kind]
        except KeyError:
            if reason := self._unusable.get(kind):
                message = f"kind {kind!r} cannot be used: what its worker announced is not understood: {reason[:300]}"
                raise UnknownKind(message, [FieldError(path="/kind", message=message)]) from None
            if not self._is_complete:
                raise LogUnavailable(f"{_INCOMPLETE}; try again in a moment") from None
            if kind in self._awaited:
                raise LogUnavailable(f"kind {kind!r} is being announced by its worker; try again in a moment") from None
            names = ", ".join(sorted(self._known)) or "none yet; start a worker"
            raise UnknownKind(
                f"there is no kind {kind!r}; known kinds: {names}",
                [FieldError(path="/kind", message=f"known kinds: {names}")],
            ) from None

    @property
    def _is_complete(self) -> bool:
        """Whether a kind that is not known here is known to no worker."""
        log = self._log
        # Workers announce their kinds once the log was compared, and what they announce is loaded after every reconnect.
        if not log.is_current or log.held_because is not None or log.current_since is None:
            return False
        return bool(self._known) or monotonic() - log.current_since > FIRST_ANNOUNCEMENT_SECONDS

    def _on_entry(self, entry: Entry) -> None:
        self._learn(entry.value, entry.at)
        following = entry.headers.get(subjects.FOLLOWING)
        if following:
            names = (name for name in following.split(",") if name not in self._known)
            self._awaited.add(names, entry.at)

    def _learn(self, announced: bytes, announced_at: datetime) -> None:
        name = None
        try:
            name = _name_decoder.decode(announced).name
            before = self._known.get(name)
            if before is not None and before.announced == announced:
                before.announced_at = max(before.announced_at, announced_at)
            else:
                self._known[name] = _KnownKind(announced, announced_at)
                self._awaited.discard(name)
            self._unusable.pop(name, None)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            log.error("a worker announced a kind that cannot be read", kind=name, error=str(error))
            if name is not None and name not in self._known and len(self._unusable) < UNUSABLE_MAX:
                self._unusable[name] = str(error)
