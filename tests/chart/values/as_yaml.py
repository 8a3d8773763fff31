"""`values.yaml`, with what each value means above it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, cast

import yaml
from msgspec import Struct

from tests.chart.values.fields import Field, attribute_of, fields_of
from tests.chart.values.processes import PodOptions, Process
from tests.chart.values.root import Values

_WIDTH = 118
_POINTED_OUT = {PodOptions, Process}
_HEAD = """\
Headrace on Kubernetes. Every value is described here and checked by values.schema.json; what is not here is refused.
NATS (2.14 or newer, with JetStream) and PostgreSQL are yours: docs/kubernetes.md shows how to install both.
Where you may want to change one entry there are maps, not lists: Helm merges maps and replaces lists.
Made from tests/chart/values by `just openapi`."""


def values_yaml() -> str:
    """Return the file."""
    head = "".join(f"# {line}\n" for line in _HEAD.splitlines())
    return "\n".join([head, *_lines(Values(), "", set())]).rstrip() + "\n"


def _lines(value: Struct, indent: str, described: set[type[Struct]]) -> Iterator[str]:
    """Yield the lines of a section. What several sections have in common is described in the first one only."""
    homes: set[type[Struct]] = set()
    for each in fields_of(type(value), value):
        if each.home not in described:
            yield from _comment(each, indent)
        elif each.home in _POINTED_OUT and not homes & described & _POINTED_OUT:
            yield f"{indent}# What follows is as in `api`."
        homes.add(each.home)
        yield from _entry(value, each, indent, described)
        if not indent:
            yield ""
    described |= homes


def _comment(each: Field, indent: str) -> Iterator[str]:
    meaning = (each.section.__doc__ or each.meaning).splitlines()[0] if each.section and not indent else each.meaning
    for line in textwrap.wrap(meaning, _WIDTH - len(indent) - 2, break_on_hyphens=False, break_long_words=False):
        yield f"{indent}# {line}"


def _entry(value: Struct, each: Field, indent: str, described: set[type[Struct]]) -> Iterator[str]:
    line = f"{indent}{each.name}: {_flow(each.default)}"
    if each.section is not None and (each.section not in described or len(line) > _WIDTH):
        inner = getattr(value, attribute_of(value, each))
        yield f"{indent}{each.name}:"
        yield from _lines(inner, f"{indent}  ", described)
    elif len(line) > _WIDTH:
        yield f"{indent}{each.name}:"
        yield from textwrap.indent(
            _block(each.default), indent if isinstance(each.default, list) else indent + "  "
        ).splitlines()
    else:
        yield line


def _block(value: Any) -> str:
    """A value that is too long for one line: one line for each of its entries."""
    if isinstance(value, list):
        return "\n".join(f"  - {_flow(each)}" for each in cast("list[Any]", value))
    return "\n".join(f"{key}: {_flow(each)}" for key, each in value.items())


def _flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, str) and not value:
        return '""'
    return yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False).strip().removesuffix("\n...")
