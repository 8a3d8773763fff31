"""Puts the built web app into the package, as `headrace/web`, and into the source distribution, from which packages are built."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLACES = {"wheel": "headrace/web", "sdist": "frontend/dist"}
NOT_BUILT = (
    "the web app is not in this package: it is not built; `uv run python -m headrace.embedded.web_app` builds it"
)
OLD = "the web app in this package is older than its sources; `uv run python -m headrace.embedded.web_app` builds it"


class WebApp(BuildHookInterface):
    """Adds the files of the app that is built; without one, says so and goes on."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to what is packed. An editable installation finds the app where it was built."""
        if version == "editable" or self.target_name not in PLACES:
            return
        root = Path(self.root)
        frontend, built = root / "frontend", root / "frontend/dist"
        if not (built / "index.html").is_file():
            self.app.display_warning(NOT_BUILT)
            return
        known = runpy.run_path(str(root / "src/headrace/web_sources.py"))
        if not known["is_current"](frontend, built):
            self.app.display_warning(OLD)
        keeps_stamp = self.target_name == "sdist"
        for file in files_of(built):
            name = file.relative_to(built).as_posix()
            if keeps_stamp or not name.startswith("."):
                build_data["force_include"][str(file)] = f"{PLACES[self.target_name]}/{name}"


def files_of(built: Path) -> Iterator[Path]:
    """Yield the files of an app, without the assets of the build before, which are of this machine's browsers."""
    for file in sorted(built.rglob("*")):
        if file.is_file() and file.relative_to(built).parts[0] != "previous":
            yield file
