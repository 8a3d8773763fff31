"""How long clients noticed a fault, by the journal of a run."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from tests.faults.journal import Answered, Asked, Did, read


class Outage(Struct, frozen=True, kw_only=True):
    """What a fault has cost.

    Attributes:
        longest: The longest time, in seconds, in which clients asked and nothing was accepted.
        refused: Answers 503.
        rested: Seconds from when all was mended until every task had ended and the read model had caught up.
    """

    longest: float
    refused: int
    rested: float


def outage_in(journal: Path) -> Outage:
    """Read the journal of a run."""
    entries = read(journal)
    submits = ("submit", "batch")
    accepted = [
        each.at for each in entries if isinstance(each, Answered) and each.purpose in submits and each.status < 300
    ]
    asked = [each.at for each in entries if isinstance(each, Asked) and each.purpose in submits]
    did = {each.action: each.at for each in entries if isinstance(each, Did)}
    # Time in which nobody asked is no outage: it begins with the first question after what was accepted last.
    gaps = [end - next((at for at in asked if at > begin), end) for begin, end in pairwise([*asked[:1], *accepted])]
    return Outage(
        longest=max(gaps, default=0.0),
        refused=sum(isinstance(each, Answered) and each.status == 503 for each in entries),
        rested=did.get("at rest", 0.0) - did.get("healed", 0.0),
    )
