"""The generated files, from the code they describe: `python -m tests.generated [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from headrace.api.app import create_app
from headrace.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]


def openapi() -> str:
    """The API, for client generators."""
    document = create_app(None).openapi_schema.to_schema()
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def settings() -> str:
    """The table of settings."""
    lines = [
        "# Settings",
        "",
        "Environment variables, read when a process starts; an empty one counts as not set. Made from",
        "`src/headrace/settings.py` by `just openapi`.",
        "",
        "| variable | meaning | default |",
        "| --- | --- | --- |",
    ]
    for variable, type_, default in _fields(Settings, PREFIX):
        meta = next((each for each in get_args(type_)[1:] if isinstance(each, Meta)), None)
        meaning = (meta.description if meta else None) or "one of " + ", ".join(
            f"`{choice}`" for choice in get_args(_bare(type_))
        )
        shown = "" if default is None else f"`{default}`"
        lines.append(f"| `{variable}` | {meaning} | {shown} |")
    return "\n".join(lines) + "\n"


def _fields(of: type[Struct], prefix: str) -> Iterator[tuple[str, Any, Any]]:
    hints = get_type_hints(of, include_extras=True)
    for field in msgspec.structs.fields(of):
        type_ = hints[field.name]
        if isinstance(type_, type) and issubclass(type_, Struct):
            yield from _fields(type_, f"{prefix}{field.name.upper()}_")
        else:
            yield f"{prefix}{field.name.upper()}", type_, field.default


def _bare(type_: Any) -> Any:
    return get_args(type_)[0] if get_origin(type_) is Annotated else type_


FILES = {
    ROOT / "frontend/src/api/openapi.json": openapi,
    ROOT / "docs/settings.md": settings,
}


def main() -> None:
    stale = []
    for path, make in FILES.items():
        made = make()
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made)
        elif not path.exists() or path.read_text() != made:
            stale.append(str(path.relative_to(ROOT)))
    if stale:
        sys.exit(f"not as the code says: {', '.join(stale)}; run `just openapi` and commit what changes")


if __name__ == "__main__":
    main()
