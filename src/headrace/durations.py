"""Time spans as a person reads them at a glance."""

from __future__ import annotations

# A unit, and from how many seconds on it is used: less would be rounded to no more than 59 of the unit below.
_UNITS = ((86_400.0, "d", 86_220.0), (3_600.0, "h", 3_570.0), (60.0, "min", 59.5), (1.0, "s", 0.9995))
_EXACT_BELOW = 10.0  # of a unit: 1.5 h says more than 1 h


def span(seconds: float) -> str:
    """Return a time span in its largest unit: ``12 ms``, ``1.5 s``, ``45 s``, ``3 min``, ``2.5 h``, ``4 d``."""
    for length, unit, used_from in _UNITS:
        if seconds >= used_from:
            count = seconds / length
            digits = 1 if count < _EXACT_BELOW and unit != "min" else 0
            return f"{round(count, digits):,g} {unit}"
    return f"{seconds * 1000:.0f} ms"
