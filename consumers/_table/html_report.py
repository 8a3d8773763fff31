"""Write a profile as one HTML page: no script, nothing fetched, plots as SVG in the page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from .column import Column, Value
from .column_words import say_moment, say_value
from .plots import draw_bars, draw_histogram, draw_missing

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; --ink: #2f6fb0; --gap: #c2571a; --rest: #8883; }
@media (prefers-color-scheme: dark) { :root { --ink: #6aa9e9; --gap: #f0935a; } }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem; border-bottom: 1px solid #8884; overflow-wrap: anywhere; }
thead th { white-space: nowrap; } tbody th, .value { min-width: 8rem; }
.n, .type { overflow-wrap: normal; white-space: nowrap; } .n { text-align: right; font-variant-numeric: tabular-nums; }
h2 { margin: 2.5rem 0 1rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 1rem; }
.columns section { border: 1px solid #8884; border-radius: .5rem; padding: .8rem 1rem; min-width: 0; }
h3 { margin: 0; font-size: 1rem; overflow-wrap: anywhere; }
section p { margin: 0 0 .6rem; }
small, .ends { opacity: .75; } .ends { display: flex; justify-content: space-between; gap: 1rem; font-size: .8rem; }
svg { display: block; width: 100%; } svg.bins { height: 6rem; } svg.missing { height: .5rem; margin-top: .4rem; }
.bin { fill: var(--ink); } .gap { fill: var(--gap); } .rest { fill: var(--rest); }
dl { display: grid; grid-template-columns: minmax(0, 9rem) 1fr auto; gap: .2rem .6rem; margin: 0; font-size: .85rem; align-items: center; }
dt { overflow-wrap: anywhere; } dd { margin: 0; } dl svg { height: .8rem; }
@media print { section { break-inside: avoid; } thead { display: table-header-group; } }
"""


def write_report(title: str, rows: int, columns_total: int, columns: list[Column]) -> Iterator[bytes]:
    """Write the report of a table, piece by piece."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    yield (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width"><title>{_text(title)}</title><style>{_STYLE}</style></head><body>'
        f"<h1>{_text(title)}</h1><p>{rows:,} rows, {columns_total:,} columns"
        f"{f', of which the first {len(columns)} are shown' if columns_total > len(columns) else ''}.</p>"
        '<div class="wide"><table><thead><tr><th>Column</th><th>Type</th><th class="n">Missing</th><th class="n">Distinct</th>'
        '<th>From</th><th>To</th><th class="n">Mean</th><th class="n">Median</th></tr></thead><tbody>'
    ).encode()
    for column in columns:
        yield _row(column, rows).encode()
    note = "<p><small>~ is an estimate.</small></p>" if any(column.estimated for column in columns) else ""
    yield f'</tbody></table></div>{note}<h2>Values</h2><div class="columns">'.encode()
    for column in columns:
        yield _section(column, rows).encode()
    yield b"</div></body></html>"


def _row(column: Column, rows: int) -> str:
    about = "~" if column.estimated else ""
    share = f" <small>{column.nulls / rows:.1%}</small>" if column.nulls and rows else ""
    median = column.quantiles.p50 if column.quantiles else None
    return (
        f'<tr><th>{_name(column)}</th><td class="type">{column.type}</td>'
        f'<td class="n">{column.nulls:,}{share}{draw_missing(column.nulls, rows)}</td>'
        f'<td class="n">{about}{column.distinct:,}</td><td class="value">{_end(column, column.min)}</td><td class="value">{_end(column, column.max)}</td>'
        f'<td class="n">{_value(column.mean)}</td><td class="n">{about if median is not None else ""}{_value(median)}</td></tr>'
    )


def _section(column: Column, rows: int) -> str:
    missing = f", {column.nulls / rows:.1%} missing" if column.nulls and rows else ""
    return (
        f"<section><h3>{_name(column)}</h3><p><small>{column.type}{missing}</small></p>{_plot(column, rows)}</section>"
    )


def _plot(column: Column, rows: int) -> str:
    bins = [(f"{each.lower:.6g}", f"{each.upper:.6g}", each.count) for each in column.histogram]
    bins += [(say_moment(each.lower), say_moment(each.upper), each.count) for each in column.periods]
    if bins:
        ends = f'<div class="ends"><span>{_end(column, column.min)}</span><span>{_end(column, column.max)}</span></div>'
        return draw_histogram(bins) + ends
    if column.frequent:
        counted = [(each.value, each.count) for each in column.frequent]
        present = rows - column.nulls
        bars = zip(counted, draw_bars([count for _, count in counted], present), strict=True)
        return f"<dl>{''.join(_bar(value, count, bar) for (value, count), bar in bars)}</dl>"
    present = rows - column.nulls
    if not present:
        return "<small>There are no values.</small>"
    is_unique = column.distinct == present and not column.estimated
    return f"<small>{'No value occurs twice.' if is_unique else 'There are too many different values.'}</small>"


def _bar(value: str, count: int, bar: str) -> str:
    return f'<dt>{_text(value) or "<small>(empty)</small>"}</dt><dd>{bar}</dd><dd class="n">{count:,}</dd>'


def _name(column: Column) -> str:
    return _text(column.name) or "<small>(no name)</small>"


def _end(column: Column, value: Value) -> str:
    """Return the lowest or the highest value of a column."""
    return _text(say_moment(str(value))) if value is not None and column.type == "datetime" else _value(value)


def _value(value: Value) -> str:
    return "" if value is None else _text(say_value(value))


def _text(text: str) -> str:
    return escape("".join(each if each.isprintable() else "\ufffd" for each in text))
