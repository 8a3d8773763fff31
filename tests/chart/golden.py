"""What each set of values in `ci` renders to, as it was agreed on: `tests/chart/golden/<name>.yaml`, remade by `just openapi`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import yaml

from tests.chart.rendering import name_of, rendered_of, sets

GOLDEN = Path(__file__).parent / "golden"
# As long as a line may be.
_WIDTH = 120


def golden(name: str) -> str:
    """Return the objects of a set of values, each under a line with its name, in the order of names."""
    objects = sorted(rendered_of(name), key=name_of)
    # What the dashboards show is a file of its own.
    for each in objects:
        if each["kind"] == "ConfigMap" and each["metadata"]["name"].endswith("-dashboards"):
            each["data"] = dict.fromkeys(each["data"], "…")
    return "".join(
        f"--- # {name_of(each)}\n{yaml.dump(each, Dumper=yaml.CSafeDumper, sort_keys=True, width=_WIDTH, allow_unicode=True)}"
        for each in objects
    )


FILES: dict[Path, Callable[[], str]] = {GOLDEN / f"{name}.yaml": partial(golden, name) for name in sets()}
