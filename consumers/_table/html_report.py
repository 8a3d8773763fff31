"""Write a profile as one HTML page: no script, nothing fetched, plots as SVG in the page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from consumers._table.column import Bin, Column, Value

# In units of SVG; the page scales them.
PLOT_WIDTH, PLOT_HEIGHT = 240, 60

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem; border-bottom: 1px solid #8884; overflow-wrap: anywhere; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
svg { width: 15rem; height: 3.75rem; } rect { fill: #3574b8; } small { opacity: .7; }
"""


def write_report(title: str, rows: int, columns_total: int, columns: list[Column]) -> Iterator[bytes]:
    """Write the report of a table, piece by piece."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    yield (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width"><title>{_text(title)}</title><style>{_STYLE}</style></head><body>'
        f"<h1>{_text(title)}</h1><p>{rows:,} rows, {columns_total:,} columns"
        f"{f', of which the first {len(columns)} are shown' if columns_total > len(columns) else ''}.</p>"
        "<table><thead><tr><th>Column</th><th>Type</th><th>Missing</th><th>Distinct</th><th>From</th><th>To</th>"
        "<th>Mean</th><th>Median</th><th>Values</th></tr></thead><tbody>"
    ).encode()
    for column in columns:
        yield _row(column, rows).encode()
    note = "<p><small>~ is an estimate.</small></p>" if any(column.estimated for column in columns) else ""
    yield f"</tbody></table>{note}</body></html>".encode()


def _row(column: Column, rows: int) -> str:
    about = "~" if column.estimated else ""
    share = f" <small>{column.nulls / rows:.1%}</small>" if column.nulls and rows else ""
    median = column.quantiles.p50 if column.quantiles else None
    return (
        f"<tr><th>{_text(column.name) or '<small>(no name)</small>'}</th><td>{column.type}</td>"
        f'<td class="n">{column.nulls:,}{share}</td><td class="n">{about}{column.distinct:,}</td>'
        f"<td>{_value(column.min)}</td><td>{_value(column.max)}</td>"
        f'<td class="n">{_value(column.mean)}</td><td class="n">{about if median is not None else ""}{_value(median)}</td>'
        f"<td>{_plot(column.histogram)}</td></tr>"
    )


def _plot(bins: list[Bin]) -> str:
    """Draw a histogram; each bar names its range and its count to a pointer and to a screen reader."""
    highest = max((each.count for each in bins), default=0)
    if not highest:
        return ""
    width = PLOT_WIDTH / len(bins)
    bars = "".join(
        f'<rect x="{at * width + 1:.1f}" y="{PLOT_HEIGHT * (1 - each.count / highest):.1f}" width="{width - 2:.1f}"'
        f' height="{PLOT_HEIGHT * each.count / highest:.1f}">'
        f"<title>{each.lower:.6g} to {each.upper:.6g}: {each.count:,}</title></rect>"
        for at, each in enumerate(bins)
    )
    return f'<svg viewBox="0 0 {PLOT_WIDTH} {PLOT_HEIGHT}" preserveAspectRatio="none" role="img">{bars}</svg>'


def _value(value: Value) -> str:
    return "" if value is None else _text(f"{value:.6g}" if isinstance(value, float) else str(value))


def _text(text: str) -> str:
    return escape("".join(each if each.isprintable() else "\ufffd" for each in text))
