"""Numbers of bytes as a person reads them at a glance."""

from __future__ import annotations

_UNITS = ("bytes", "KiB", "MiB", "GiB")


def size(count: float) -> str:
    """Return a number of bytes in its largest unit: ``27 bytes``, ``1.5 KiB``, ``256 MiB``, ``8 GiB``, ``2 TiB``."""
    for unit in _UNITS:
        # From 999.5 on, three digits would be written as a power of ten.
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} TiB"
