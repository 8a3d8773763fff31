"""Variables that earlier versions had. One that is still set is refused: what it was set for would not happen, and nobody would notice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

REPLACED: Final = {
    "HEADRACE_API_METRICS": "HEADRACE_API_OPS",
    "HEADRACE_WORKER_HEALTH": "HEADRACE_WORKER_OPS",
    "HEADRACE_PROJECTOR_HEALTH": "HEADRACE_PROJECTOR_OPS",
}


def replaced_variables(environ: Mapping[str, str]) -> list[str]:
    """Return a sentence about each variable that is set and was replaced, with the one to set instead."""
    return [f"{old} is no setting any more; set {new} instead" for old, new in REPLACED.items() if environ.get(old)]
