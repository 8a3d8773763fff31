"""Object storage: whether it answers us."""

from __future__ import annotations

import asyncio

from headrace.cli.terminal.cluster.seen import Seen
from headrace.file_errors import ObjectsUnavailable
from headrace.objects import open_objects
from headrace.settings.object_storage import ObjectsSettings

ANSWER_SECONDS = 10.0  # a store on the other side of the world answers sooner
PROBE = "headrace-check"  # an object that there never is

_NONE = "HEADRACE_OBJECTS_URL is not set: an API with these settings keeps none"
_REMEDY = "correct HEADRACE_OBJECTS_URL, _ENDPOINT and _REGION, and the credentials of the store"


async def check_files(settings: ObjectsSettings) -> Seen:
    """Look for an object that does not exist, which a store answers only to those whom it lets in."""
    try:
        objects = open_objects(settings)
        if objects is None:
            return Seen(about="files", state="ok", what=_NONE)
        async with asyncio.timeout(ANSWER_SECONDS):
            await objects.find(PROBE)
    except (ObjectsUnavailable, TimeoutError) as error:
        why = str(error.__cause__ or "").partition("\n")[0] or f"no answer within {ANSWER_SECONDS:g} s"
        return Seen(about="files", state="critical", what=f"object storage cannot be used: {why}", remedy=_REMEDY)
    return Seen(about="files", state="ok", what="object storage answers")
