"""Announcing kinds: a worker writes the kinds it runs to the catalog's bucket, and learns whether newer workers replace it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from headrace.contracts.kinds import AnnouncedKind, KindDescription
from headrace.inputs import InputCheck
from headrace.log import clock, subjects
from headrace.log.connection import Log
from headrace.sdk.kind import AnyKind, KindError

ANNOUNCED_AT_ONCE = 20  # kinds; what they say of themselves is some KB each
SUPERSEDED_SECONDS = 75.0  # two missed announcements: the workers that ran a kind in the other form have gone

# Kinds that one entry names. 100 names of 63 characters fit in the 8 KB that messages have for headers.
FOLLOWING_MAX = 100

_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(KindDescription)


def describe_checked(kind: AnyKind) -> AnnouncedKind:
    """Describe a kind for the catalog, and make sure that the API can check its inputs.

    Raises:
        KindError: the API could not; the message names the file, the kind and the field.
    """
    described = kind.describe()
    try:
        InputCheck(described.input_schema, described.input_type)
    except ValueError as error:
        raise KindError(f"{kind.file}: kind {kind.name!r}: the API cannot check its input: {error}") from error
    return described


async def announce(log: Log, kinds: Sequence[KindDescription]) -> None:
    """Write to the catalog that a worker runs these kinds.

    Each entry names the kinds that follow. An API that has heard of one of them, and not yet of another, then does not say that
    there is no such kind. Of more than `FOLLOWING_MAX` each names the next ones, which name those after them.

    Raises:
        LogUnavailable: the bucket cannot be written.
    """
    names = [kind.name for kind in kinds]
    for start in range(0, len(kinds), ANNOUNCED_AT_ONCE):
        await asyncio.gather(
            *(
                _announce(log, kind, names[number + 1 : number + 1 + FOLLOWING_MAX])
                for number, kind in enumerate(kinds[start : start + ANNOUNCED_AT_ONCE], start)
            )
        )


async def _announce(log: Log, kind: KindDescription, following: Sequence[str]) -> None:
    headers = {subjects.FOLLOWING: ",".join(following)} if following else {}
    await log.appender.append(subjects.catalog_entry(kind.name), _encode(kind), headers)


async def is_superseded(log: Log, kind: KindDescription) -> bool:
    """Whether workers that started later run a kind by consumers of the other form: in order, or by priority.

    Consumers of both forms would deliver every task twice, so only one form may exist. The newest announcement decides. A
    worker announces its kinds before it makes consumers. A worker whose consumers have gone leaves the kind to the workers
    that announced the other form, until they have missed two announcements.

    Raises:
        LogUnavailable: the bucket cannot be read.
    """
    entry = subjects.catalog_entry(kind.name)
    page = await log.replayer.page(entry, records=1, stream=subjects.CATALOG_STREAM)
    alive_since = clock.now() - timedelta(seconds=SUPERSEDED_SECONDS)
    if not page.records or page.records[0].at < alive_since:
        return False
    try:
        newest = _decoder.decode(page.records[0].payload)
    except msgspec.MsgspecError:
        return False
    return (newest.concurrency is None) != (kind.concurrency is None)
