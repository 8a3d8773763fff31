"""Read the text and the headings of HTML, as a browser would show them. No script runs and nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from .document import Content, Outline, TextBuilder

UNSEEN = frozenset(
    [
        "audio",
        "canvas",
        "datalist",
        "embed",
        "head",
        "iframe",
        "math",
        "noscript",
        "object",
        "script",
        "select",
        "style",
        "svg",
        "template",
        "textarea",
        "title",
        "video",
    ]
)
BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "caption",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
    ]
)
PARAGRAPHS = frozenset(["blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"])
CELLS = frozenset(("td", "th"))
HEADINGS = {f"h{level}": level for level in range(1, 7)}

_BREAKS = re.compile(r"[ \t]*\n[ \t]*(?:\n\s*)?")
_SPACES = re.compile(r"[ \t\r\f\v\n]+")


def read_html(source: str) -> Content:
    """Read HTML, however broken."""
    root = LexborHTMLParser(source).body
    text, outline = TextBuilder(), Outline()
    heading: list[str] | None = None
    for node, enters in _walk(root) if root is not None else ():
        tag = node.tag or ""
        if node.is_text_node:
            seen = _SPACES.sub(" ", node.text_content or "")
            text.add(seen)
            if heading is not None:
                heading.append(seen)
        elif tag in HEADINGS:
            if not enters and heading is not None:
                outline.add(HEADINGS[tag], "".join(heading))
            heading = [] if enters else None
        if tag in BLOCKS:
            text.add("\n\n" if tag in PARAGRAPHS else "\n")
        elif tag in CELLS and not enters:
            text.add("\t")
    whole = _BREAKS.sub(lambda found: "\n\n" if found[0].count("\n") > 1 else "\n", text.build()).strip()
    return Content(format="html", text=whole, outline=outline.headings, truncated=text.truncated)


def _walk(root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """Go through what is seen, node by node: on the way in and, for elements, on the way out. HTML may be nested very deep."""
    node = root
    while True:
        yield node, True
        child = None if node.tag in UNSEEN else node.first_child
        if child is not None:
            node = child
            continue
        while True:
            if node.is_element_node:
                yield node, False
            parent, following = node.parent, node.next
            if parent is None or node.mem_id == root.mem_id:
                return
            if following is not None:
                node = following
                break
            node = parent
