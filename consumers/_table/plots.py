"""Plots as SVG in a page of HTML, whose style colours them: ``bin`` is what there is, ``gap`` what is missing, ``rest`` the others."""

from __future__ import annotations

from html import escape

# In units of SVG; the page scales them.
WIDTH, HEIGHT = 300, 100
BIN_HEIGHT_MIN = 1.5  # of a bin that is not empty, so that it is seen


def draw_histogram(bins: list[tuple[str, str, int]]) -> str:
    """Draw bins, each with its ends and its count, which it names to a pointer and to a screen reader."""
    highest = max(count for _, _, count in bins) or 1
    width = WIDTH / len(bins)
    drawn: list[str] = []
    for at, (lower, upper, count) in enumerate(bins):
        height = max(HEIGHT * count / highest, BIN_HEIGHT_MIN) if count else 0
        # What is transparent takes the pointer also above a low bin.
        whole = f'<rect x="{at * width:.1f}" width="{width:.1f}" height="{HEIGHT}" fill="transparent"/>'
        bar = _rect("bin", at * width + 1, width - 2, HEIGHT - height, height)
        drawn.append(f"<g><title>{escape(f'{lower} to {upper}: {count:,}')}</title>{whole}{bar}</g>")
    axis = _rect("rest", 0, WIDTH, HEIGHT - 0.5, 0.5)
    return _svg("bins", HEIGHT, "".join(drawn) + axis, f"Histogram of {len(bins)} bins, the highest {highest:,}")


def draw_bars(counts: list[int], of: int) -> list[str]:
    """Draw how large a share each count is."""
    return [_share("bin", count, of, f"{count / of:.1%} of the values") for count in counts]


def draw_missing(missing: int, rows: int) -> str:
    """Draw a strip of which as much has another colour as is missing; nothing for a table without rows."""
    return _share("gap", missing, rows, f"{missing / rows:.1%} missing", "missing") if rows else ""


def _share(colour: str, part: int, whole: int, label: str, kind: str = "share") -> str:
    width = max(WIDTH * part / whole, BIN_HEIGHT_MIN) if part else 0
    return _svg(kind, 10, _rect("rest", 0, WIDTH, 0, 10) + _rect(colour, 0, width, 0, 10), label)


def _rect(colour: str, x: float, width: float, y: float, height: float) -> str:
    return f'<rect class="{colour}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def _svg(kind: str, height: int, drawn: str, label: str) -> str:
    return (
        f'<svg class="{kind}" viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" role="img" aria-label="{escape(label)}">'
        f"{drawn}</svg>"
    )
