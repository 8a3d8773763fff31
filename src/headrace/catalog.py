"""The catalog: which task kinds the cluster knows, kept in a key-value bucket.

Workers announce their kinds when they start and every `ANNOUNCE_SECONDS`; the API follows the bucket and validates
submissions against the announced JSON Schemas, so that adding a kind takes no deploy of the API.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema_rs
import msgspec

from headrace.contracts.kinds import CatalogEntry, KindDescription
from headrace.contracts.problems import FieldError
from headrace.errors import InvalidInput, UnknownKind
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.live import watch
from headrace.telemetry import get_logger

ANNOUNCE_SECONDS = 30.0
WORKERS_GONE_SECONDS = 120.0  # four announcements missed
SUPERSEDED_SECONDS = 75.0  # two announcements missed: whoever ran a kind otherwise has gone
ERRORS_MAX = 20  # a submission with more wrong paths than that is wrong as a whole

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(KindDescription)


async def announce(to: Log, kinds: Iterable[KindDescription]) -> None:
    """Tell the cluster that a worker here runs these kinds.

    Raises:
        LogUnavailable: the bucket cannot be written.
    """
    for kind in kinds:
        await to.appender.append(subjects.catalog_entry(kind.name), _encode(kind), {})


async def is_superseded(log: Log, kind: KindDescription) -> bool:
    """Whether workers that started later run a kind by consumers of the other form: in order, or by priority.

    The consumers of both would hand out every task twice, so only one form can be. The newest announcement says which: a
    worker announces its kinds before it makes consumers, and one that finds its consumers gone leaves a kind to those who
    announced it differently, until two announcements of theirs were missed.

    Raises:
        LogUnavailable: the bucket cannot be read.
    """
    entry = subjects.catalog_entry(kind.name)
    page = await log.replayer.page(entry, records=1, stream=subjects.CATALOG_STREAM)
    alive_since = datetime.now(UTC) - timedelta(seconds=SUPERSEDED_SECONDS)
    if not page.records or page.records[0].at < alive_since:
        return False
    try:
        newest = _decoder.decode(page.records[0].payload)
    except msgspec.MsgspecError:
        return False
    return (newest.concurrency is None) != (kind.concurrency is None)


class _Known:
    __slots__ = ("announced_at", "described", "description", "validator")

    def __init__(self, described: bytes, announced_at: datetime) -> None:
        self.described = described
        self.announced_at = announced_at
        self.description = _decoder.decode(described)
        self.validator = jsonschema_rs.validator_for(self.description.input_schema)


class Catalog:
    """The kinds, as of now."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._known: dict[str, _Known] = {}

    async def open(self) -> None:
        """Load the kinds and follow changes from here on."""
        await watch(
            self._log.connection, subjects.CATALOG_ENTRIES, lambda _, value: self._learn(value, datetime.now(UTC))
        )
        self._log.on_reconnect(self._load)
        await self._load()

    def entries(self, paused: Container[str] = ()) -> list[CatalogEntry]:
        """All kinds, by name, and which of them are among the paused."""
        return [self.entry(name, paused) for name in sorted(self._known)]

    def entry(self, kind: str, paused: Container[str] = ()) -> CatalogEntry:
        """One kind.

        Raises:
            UnknownKind: no worker ever announced it.
        """
        known = self._find(kind)
        return CatalogEntry(
            **msgspec.structs.asdict(known.description),
            announced_at=known.announced_at,
            has_workers=known.announced_at >= datetime.now(UTC) - timedelta(seconds=WORKERS_GONE_SECONDS),
            paused=kind in paused,
        )

    def describe(self, kind: str) -> KindDescription:
        """What is known of a kind.

        Raises:
            UnknownKind: no worker ever announced it.
        """
        return self._find(kind).description

    def check(self, kind: str, input: dict[str, Any]) -> KindDescription:
        """Validate an input against its kind's schema.

        Raises:
            UnknownKind: no worker ever announced the kind.
            InvalidInput: the input does not match, with each offending path.
        """
        known = self._find(kind)
        if not known.validator.is_valid(input):
            wrong = _wrong_paths(known.validator, input, "/input")
            raise InvalidInput(f"the input does not match the schema of kind {kind!r}; see errors", wrong)
        return known.description

    def wrong(self, kind: str, input: dict[str, Any], path: str) -> list[FieldError]:
        """What of an input does not match its kind's schema, by paths that begin with ``path``; nothing when it does.

        Raises:
            UnknownKind: no worker ever announced the kind.
        """
        known = self._find(kind)
        return [] if known.validator.is_valid(input) else _wrong_paths(known.validator, input, path)

    def _find(self, kind: str) -> _Known:
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
            known = _Known(described, announced_at)
        except (msgspec.MsgspecError, ValueError) as error:
            log.error("a worker announced a kind that cannot be read", error=str(error))
            return
        before = self._known.get(known.description.name)
        if before is not None and before.described == described:
            before.announced_at = max(before.announced_at, announced_at)
        else:
            self._known[known.description.name] = known


def _wrong_paths(validator: Any, input: dict[str, Any], at: str) -> list[FieldError]:
    wrong: list[FieldError] = []
    for error in validator.iter_errors(input):
        path = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in error.instance_path)
        message = error.message if len(error.message) <= 300 else error.message[:300] + "…"
        wrong.append(FieldError(path=f"{at}{path}", message=message))
        if len(wrong) == ERRORS_MAX:
            break
    return wrong
