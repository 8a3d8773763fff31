"""The options that say which tasks a command lists or changes, and the filter that they make."""

from __future__ import annotations

from functools import reduce

import click
from click.decorators import FC

from headrace.cli.commands.parameter_types import ID, KIND, LABEL
from headrace.contracts.filters import TEXT_CHARS_MAX, Filter
from headrace.contracts.tasks import FailureCode, State

code_option = click.option(
    *("--code", "codes"),
    type=click.Choice([str(each) for each in FailureCode]),
    multiple=True,
    help="Only failures of this code; may be repeated.",
)
_FILTER_OPTIONS = (
    click.option("--kind", "kinds", type=KIND, multiple=True, help="Only this kind; may be repeated, for any of them."),
    click.option("--batch", type=ID, metavar="ID", help="Only tasks of this batch."),
    click.option("--schedule", type=ID, metavar="ID", help="Only tasks that this schedule has submitted."),
    click.option(
        *("--label", "labels"),
        type=LABEL,
        multiple=True,
        metavar="KEY=VALUE",
        help="Only tasks with this label; may be repeated, for all of them.",
    ),
    click.option("--search", metavar="WORDS", help="Only tasks with all of these words in the title, or with this id."),
)


def filter_options(command: FC) -> FC:
    """Add the options for which tasks a command lists or changes; `make_filter` makes a filter of them."""
    return reduce(lambda decorated, option: option(decorated), reversed(_FILTER_OPTIONS), command)


def make_filter(
    kinds: tuple[str, ...],
    batch: str | None,
    schedule: str | None,
    labels: tuple[tuple[str, str], ...],
    search: str | None,
    *,
    states: list[State],
) -> Filter:
    """Make the filter that the options describe."""
    if len(dict(labels)) < len(set(labels)):
        raise click.UsageError("no task has two values of one label; say one")
    if search is not None and not 0 < len(search.strip()) <= TEXT_CHARS_MAX:
        raise click.UsageError(f"--search takes 1 to {TEXT_CHARS_MAX} characters")
    return Filter(state=states, kind=list(kinds), batch=batch, schedule=schedule, labels=dict(labels), q=search)
