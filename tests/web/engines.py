"""Which packages of a lock file run on a version of Node: a package that is installed by another says so only there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

Version = tuple[int, int, int]

OLDEST: Version = (20, 19, 0)

_COMPARATOR = re.compile(r"(>=|<=|>|<|=|\^|~)?\s*v?(\d+)(?:\.(\d+|x|\*))?(?:\.(\d+|x|\*))?\S*")


def not_for(lock: Path, node: Version = OLDEST) -> Iterator[str]:
    """Yield the packages of a lock file that do not want to run on a version of Node."""
    for name, package in json.loads(lock.read_text())["packages"].items():
        wanted = package.get("engines", {})
        wanted = wanted.get("node", "*") if isinstance(wanted, dict) else "*"
        if name and not permits(wanted, node):
            yield f"{name} {package['version']} wants Node {wanted}"


def permits(wanted: str, node: Version) -> bool:
    """Tell whether a range of npm contains a version."""
    return any(all(_holds(each, node) for each in _COMPARATOR.finditer(part)) for part in wanted.split("||"))


def _holds(comparator: re.Match[str], node: Version) -> bool:
    operator, *given = comparator.groups()
    parts = [int(each) for each in given if each is not None and each.isdigit()]
    low: Version = (*parts, 0, 0, 0)[:3]  # type: ignore[assignment]
    # Up to where a range goes that names its first parts only.
    fixed = {"^": 1, "~": min(2, len(parts))}.get(operator or "=", len(parts))
    high = (*parts[: fixed - 1], parts[fixed - 1] + 1, 0, 0)[:3]
    match operator:
        case ">=":
            return node >= low
        case ">":
            return node >= high
        case "<":
            return node < low
        case "<=":
            return node < high
        case _:
            return low <= node < high
