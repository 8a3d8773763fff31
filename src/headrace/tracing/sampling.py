"""Whether something is recorded, decided before a span is made: a span that is not recorded would cost as much as the rest of a request."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import NamedTuple

from headrace.errors import HeadraceError
from headrace.tracing.w3c import TraceContext

SAMPLER = "OTEL_TRACES_SAMPLER"
ARGUMENT = "OTEL_TRACES_SAMPLER_ARG"
DEFAULT = "parentbased_always_on"

_PARENT_BASED = "parentbased_"
_SAMPLERS = ("always_on", "always_off", "traceidratio")


class UnknownSampler(HeadraceError):
    """The sampler that is asked for is none of the standard ones."""


class Sampling(NamedTuple):
    """One of OpenTelemetry's standard samplers.

    Attributes:
        follows_parent: Whether who began the trace decides, where somebody did.
        ratio: The share of other traces that is recorded, 0 to 1.
    """

    follows_parent: bool
    ratio: float

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Sampling:
        """Read which sampler an environment asks for.

        Raises:
            UnknownSampler: it is none of the standard ones, or its argument is no ratio.
        """
        name = environ.get(SAMPLER, "").strip().lower() or DEFAULT
        kind = name.removeprefix(_PARENT_BASED)
        if kind not in _SAMPLERS:
            known = ", ".join([*_SAMPLERS, *(_PARENT_BASED + each for each in _SAMPLERS)])
            raise UnknownSampler(f"{SAMPLER}={name!r}: there are {known}")
        ratios = {"always_on": 1.0, "always_off": 0.0}
        return cls(name.startswith(_PARENT_BASED), ratios[kind] if kind in ratios else _ratio(environ))

    def decides(self, parent: TraceContext | None) -> bool:
        """Decide whether something is recorded that has this parent, or none."""
        if parent is not None and self.follows_parent:
            return parent.is_sampled
        # No one else has to come to the same decision, so no id of a trace is needed for it.
        return self.ratio >= 1.0 or (self.ratio > 0.0 and random.random() < self.ratio)  # noqa: S311 - no secret


def _ratio(environ: Mapping[str, str]) -> float:
    given = environ.get(ARGUMENT, "").strip() or "1"
    try:
        ratio = float(given)
    except ValueError:
        ratio = -1.0
    if not 0.0 <= ratio <= 1.0:
        raise UnknownSampler(f"{ARGUMENT}={given!r}: a number from 0 to 1 is needed, the share of traces to record")
    return ratio
