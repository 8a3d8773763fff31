"""The catalog: the task kinds that the cluster knows, kept in a key-value bucket.

Workers announce their kinds when they start and then every 30 seconds. The API follows the bucket and validates submissions
against the announced JSON Schemas, so that a new kind needs no deploy of the API.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import jsonschema_rs
import msgspec

from headrace.contracts.kinds import CatalogEntry, KindDescription
from headrace.contracts.problems import FieldError
from headrace.errors import InvalidInput, UnknownKind
from headrace.log import clock, subjects
from headrace.log.connection import Log
from headrace.telemetry import get_logger

WORKERS_GONE_SECONDS = 120.0  # four missed announcements
ERRORS_MAX = 20  # a submission with more wrong paths than that is wrong as a whole
MESSAGE_CHARS_MAX = 300  # of one error; a schema's message quotes the value, which may be large

log = get_logger(__name__)

_decoder = msgspec.json.Decoder(KindDescription)


class _KnownKind:
    __slots__ = ("announced_at", "described", "description", "validator")

    def __init__(self, described: bytes, announced_at: datetime) -> None:
        self.described = described
        self.announced_at = announced_at
        self.description = _decoder.decode(described)
        self.validator = jsonschema_rs.validator_for(self.description.input_schema)


class Catalog:
    """Knows every announced kind, and validates inputs against its schema."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._known: dict[str, _KnownKind] = {}

    async def open(self) -> None:
        """Load every kind and follow the changes from now on."""
        await self._log.live.watch(subjects.CATALOG_ENTRIES, lambda _, value: self._learn(value, clock.now()))
        self._log.on_reconnect(self._load)
        await self._load()

    def entries(self, paused: Container[str] = ()) -> list[CatalogEntry]:
        """Return all kinds, ordered by name. Those in ``paused`` are marked as paused."""
        return [self.entry(name, paused) for name in sorted(self._known)]

    def entry(self, kind: str, paused: Container[str] = ()) -> CatalogEntry:
        """Return one kind. It is marked as paused when ``paused`` contains it.

        Raises:
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
            UnknownKind: no worker ever announced it.
        """
        return self._find(kind).description

    def validate(self, kind: str, input: dict[str, Any]) -> KindDescription:
        """Validate an input against the schema of its kind and return the description of the kind.

        Raises:
            UnknownKind: no worker ever announced the kind.
            InvalidInput: the input does not match the schema. The error names each wrong path.
        """
        known = self._find(kind)
        if not known.validator.is_valid(input):
            errors = _schema_errors(known.validator, input, "/input")
            raise InvalidInput(f"the input does not match the schema of kind {kind!r}; see errors", errors)
        return known.description

    def find_errors(self, kind: str, input: dict[str, Any], path: str) -> list[FieldError]:
        """Return each place of an input that does not match the schema of its kind, as a path that begins with ``path``.

        The list is empty when the input is valid.

        Raises:
            UnknownKind: no worker ever announced the kind.
        """
        known = self._find(kind)
        return [] if known.validator.is_valid(input) else _schema_errors(known.validator, input, path)

    def _find(self, kind: str) -> _KnownKind:
        try:
            return self._known[kind]
        except KeyError:
            names = ", ".join(sorted(self._known)) or "none yet; start a worker"
            raise UnknownKind(
                f"there is no kind {kind!r}; known kinds: {names}",
                [FieldError(path="/kind", message=f"known kinds: {names}")],
            ) from None

    async def _load(self) -> None:
        start, more = 1, True
        while more:
            records, more = await self._log.replayer.page(
                subjects.CATALOG_ENTRIES, start=start, stream=subjects.CATALOG_STREAM
            )
            for record in records:
                self._learn(record.payload, record.at)
                start = record.sequence + 1

    def _learn(self, described: bytes, announced_at: datetime) -> None:
        try:
            known = _KnownKind(described, announced_at)
        except (msgspec.MsgspecError, ValueError) as error:
            log.error("a worker announced a kind that cannot be read", error=str(error))
            return
        before = self._known.get(known.description.name)
        if before is not None and before.described == described:
            before.announced_at = max(before.announced_at, announced_at)
        else:
            self._known[known.description.name] = known


def _schema_errors(validator: Any, input: dict[str, Any], path: str) -> list[FieldError]:
    return [
        FieldError(path=path + _json_pointer(error.instance_path), message=_shorten(error.message))
        for error in islice(validator.iter_errors(input), ERRORS_MAX)
    ]


def _json_pointer(parts: list[str | int]) -> str:
    """Spell a path as a JSON Pointer (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def _shorten(message: str) -> str:
    return message if len(message) <= MESSAGE_CHARS_MAX else message[:MESSAGE_CHARS_MAX] + "…"
