"""Pages without a script, for what a person in a browser has to be told. Their style is part of them, and the policy names its hash."""

from __future__ import annotations

import base64
import hashlib

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{max-width:34rem;margin:18vh auto 0;padding:0 1rem;font:14px/20px system-ui,sans-serif;"
    "color:light-dark(#14171c,#e8ebef);background:light-dark(#f5f6f8,#0a0d11)}"
    "h1{margin:0 0 8px;font-size:20px;line-height:28px}p{margin:0 0 12px}"
    "a{color:light-dark(#2456d6,#86a8ff)}"
    "code{font:13px/20px ui-monospace,monospace;padding:1px 4px;border-radius:4px;"
    "background:light-dark(#eef0f3,#1a2028)}"
)
STYLE_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
"""What a policy names in ``style-src`` so that the style of these pages counts, and no other."""


def plain_page(title: str, text: str) -> str:
    """Return a page that says something.

    Args:
        title: What it is about, as HTML.
        text: What there is to say, as HTML.
    """
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} · Headrace</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1><p>{text}</p></main></body></html>\n"
    )
