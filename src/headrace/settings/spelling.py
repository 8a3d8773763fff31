"""Variables that look like settings and are none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from headrace.parent_watch import PARENT_PIPE
from headrace.settings.reading import PREFIX, variables
from headrace.settings.sections import Settings

NAME_LIKENESS_MIN = 0.8  # of difflib: one or two letters more, less or other


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Return a sentence about each variable that looks like a setting and is none, with the setting whose name is closest.

    A child of `headrace up` returns none, because `up` has said it. What Kubernetes sets for a service of our name is no setting.
    """
    if environ.get(PARENT_PIPE):
        return []
    known = list(variables(Settings))
    names = sorted(
        name for name, value in environ.items() if name.startswith(PREFIX) and not _of_a_service(name, value)
    )
    return [_about_unknown(name, known) for name in names if name not in known]


def _about_unknown(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=NAME_LIKENESS_MIN)
    return f"{name} is no setting and is ignored" + (f"; is {close[0]} meant?" if close else "")


def _of_a_service(name: str, value: str) -> bool:
    """Tell whether this is one of the variables that Kubernetes makes for each service, as ``HEADRACE_API_PORT=tcp://…``."""
    if re.search(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?$", name):
        return True
    return name.endswith("_PORT") and "://" in value
