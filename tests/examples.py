"""How many examples a property is tried with: a share of them in `just test`, all of them in `just slow`."""

from __future__ import annotations

from hypothesis import settings

ALL = 100  # of the profile "many"; what Hypothesis tries without being told
QUICK = 25  # of the profile "headrace": what is wrong for many inputs shows, and what is rare is left to `just slow`
EXAMPLES_MIN = 10  # the first ones are the simplest, and find little


def examples(count: int) -> settings:
    """Try a property with so many examples, or with the share of them that the profile has."""
    return settings(max_examples=max(min(count, EXAMPLES_MIN), count * settings().max_examples // ALL))
