"""Where the web app lies: its sources in a checkout, and the built app there or in this package."""

from __future__ import annotations

import fcntl
from pathlib import Path

INDEX = "index.html"
ASSETS = "assets"  # below the built app: files whose names change with their content
PREVIOUS = "previous"  # below the built app: assets of the build before, for pages that are still open
NO_WEB_APP = "this installation has no web app, so there is no link to sign in with"
BUILD = "uv run python -m headrace.embedded.web_app"

_PACKAGE = Path(__file__).parent


def sources() -> Path | None:
    """Return the directory with the sources of the app; None where Headrace is installed without them."""
    found = _PACKAGE.parents[1] / "frontend"
    return found if (found / "package.json").is_file() else None


def built_in(frontend: Path) -> Path:
    """Return the directory into which the sources in ``frontend`` are built, which may not be there yet."""
    return frontend / "dist"


def lock_in(frontend: Path) -> Path:
    """Return the file that whoever builds the sources in ``frontend`` has locked meanwhile."""
    return frontend / "dist.lock"


def built() -> Path:
    """Return the directory of the app that this installation has, which may not be there."""
    frontend = sources()
    return _PACKAGE / "web" if frontend is None else built_in(frontend)


def how_to_get() -> str:
    """Say how an installation without the app gets it."""
    if sources() is None:
        how = f"install a package that was built after `{BUILD}` had built it"
    else:
        how = f"with Node 20.19 or newer and npm, `{BUILD}` builds it"
    return f"{how}; or name a built one in HEADRACE_API_WEB"


def is_being_built(directory: Path) -> bool:
    """Tell whether somebody builds the app of a directory at the moment."""
    try:
        with lock_in(directory.parent).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
