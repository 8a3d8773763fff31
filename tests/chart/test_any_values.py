"""What holds of every release holds with values that nobody has thought of together."""

from __future__ import annotations

import helm_python
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.chart.any_values import NAMESPACES, RELEASES, any_values
from tests.chart.invariants import broken, selectors_of
from tests.chart.rendering import Values, render, values_of

EXAMPLES = 60
# Each is rendered and held against schemas, so that looking for the smallest that fails would take minutes.
PHASES = (Phase.explicit, Phase.generate)


@pytest.mark.slow
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=PHASES,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(any_values(), RELEASES, NAMESPACES)
def test_a_release_of_any_values_breaks_no_rule(values: Values, release: str, namespace: str) -> None:
    try:
        objects = render(values, release=release, namespace=namespace)
    except helm_python.HelmRenderError as refused:
        # What does not go together is said in words; no template stumbles, and the schema refuses nothing here.
        if "these values cannot be used" not in str(refused):
            raise
        return
    assert broken(objects) == []
    # An upgrade from the least values to these may change no selector.
    names = {key: values[key] for key in ("nameOverride", "fullnameOverride") if key in values}
    least = selectors_of(render(values_of("minimal") | names, release=release, namespace=namespace))
    now = selectors_of(objects)
    assert {name: now[name] for name in least.keys() & now.keys()} == {
        name: least[name] for name in least.keys() & now.keys()
    }
