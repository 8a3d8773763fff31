"""How many tasks somebody has in each state."""

from __future__ import annotations

from msgspec import Struct

from headrace.contracts.batches import Counts


class OwnerCounts(Struct, frozen=True, kw_only=True):
    """How many tasks an owner has in each state: of all kinds, and of each kind that the owner has tasks of."""

    counts: Counts
    kinds: dict[str, Counts]
