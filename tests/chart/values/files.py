"""The files of the chart that are made from its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from tests.chart.values.as_schema import values_schema
from tests.chart.values.as_table import values_table
from tests.chart.values.as_yaml import values_yaml
from tests.chart.values.fields import attribute_of, fields_of
from tests.chart.values.root import INSTEAD, Values

CHART = Path(__file__).parents[3] / "charts/headrace"
PAGE = Path(__file__).parents[3] / "docs/kubernetes.md"
BEGIN, END = "<!-- values -->\n", "<!-- /values -->\n"

_README = """\
# The chart of Headrace

Background work for web applications: accepted over HTTP, run on NATS JetStream, followed live. The chart installs the API, workers and
the projector, and the Job that prepares NATS and the database. [docs/kubernetes.md](../../docs/kubernetes.md) is the way from nothing to
a running installation; [docs/upgrading.md](../../docs/upgrading.md) says what to do before an upgrade.

    helm install headrace oci://ghcr.io/headrace/charts/headrace --namespace headrace --values values.yaml

The least that production wants, with the Secrets made before:

```yaml
{minimal}```

What is wrong with values is said before anything is installed; NOTES say what is missing and what to do next. Unknown values are refused.

## Values

Made from `tests/chart/values` by `just openapi`, as `values.yaml` and `values.schema.json` are.

"""


def readme() -> str:
    """Return the README of the chart."""
    minimal = (CHART / "ci/minimal-values.yaml").read_text()
    return _README.format(minimal=minimal.partition("\n")[2]) + values_table()


def page() -> str:
    """Return the page of the documentation, with the table in the place that it has for it."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + BEGIN + values_table() + END + rest.partition(END)[2]


def instead() -> str:
    """Return the keys that a template refuses, with what to do instead."""
    lines = "".join(f'{path}: "{sentence}"\n' for path, sentence in INSTEAD.items())
    return f"# Keys that are not values of this chart, and what to do instead. Made from tests/chart/values by `just openapi`.\n{lines}"


def sections() -> str:
    """Return the values that have to be something: sections, and what no process can do without."""
    lines = "".join(f"  - {path}\n" for path in _needed(Values(), ""))
    return f"# What may not be null. Made from tests/chart/values by `just openapi`.\nsections:\n{lines}"


def _needed(value: Struct, path: str) -> Iterator[str]:
    for each in fields_of(type(value), value, path):
        if each.section is not None:
            yield each.path
            yield from _needed(getattr(value, attribute_of(value, each)), f"{each.path}.")
        elif isinstance(each.default, bool) or (
            each.default and not isinstance(each.default, (dict, list)) and not each.is_optional
        ):
            yield each.path


FILES: dict[Path, Callable[[], str]] = {
    CHART / "values.yaml": values_yaml,
    CHART / "values.schema.json": values_schema,
    CHART / "README.md": readme,
    CHART / "files/instead.yaml": instead,
    CHART / "files/sections.yaml": sections,
    PAGE: page,
}
