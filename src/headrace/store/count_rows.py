"""What rows of counts say; for the projector and the API alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from headrace.contracts.batches import Counts
from headrace.contracts.counts import OwnerCounts


def counts_by_owner(owners: Iterable[str], rows: Iterable[tuple[str, str, str, int]]) -> dict[str, OwnerCounts]:
    """Return how many tasks each of some owners has, also of those without a row.

    Args:
        owners: The owners.
        rows: The rows of these owners: the owner, the kind, the state and how many tasks these are.
    """
    found: dict[str, dict[str, dict[str, int]]] = {owner: {} for owner in owners}
    totals: dict[str, defaultdict[str, int]] = {owner: defaultdict(int) for owner in found}
    for owner, kind, state, n in rows:
        found[owner].setdefault(kind, {})[state] = n
        totals[owner][state] += n
    return {
        owner: OwnerCounts(
            counts=Counts(**totals[owner]), kinds={kind: Counts(**of_kind) for kind, of_kind in sorted(kinds.items())}
        )
        for owner, kinds in found.items()
    }
