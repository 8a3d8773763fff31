"""The kinds as screens show them: by a title, and whether anybody runs their tasks."""

from __future__ import annotations

from headrace.api.state import ApiState
from headrace.contracts.kinds import CatalogEntry


def title_of_kind(kind: str) -> str:
    """Return the name of a kind as words: ``text_feedback`` is ``Text feedback``."""
    return kind.replace("_", " ").strip().capitalize() or kind


async def catalog_entries(api: ApiState) -> list[CatalogEntry]:
    """Return every kind that the catalog has, as it is and as it is paused.

    Raises:
        LogUnavailable: JetStream does not answer, and never did since this process started.
    """
    return api.catalog.entries(await api.pauses.paused_kinds())
