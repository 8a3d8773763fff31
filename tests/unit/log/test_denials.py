from __future__ import annotations

import pytest

from headrace.log import denials
from headrace.log.denials import RECENT_SECONDS, Denials, Violation


def test_a_refused_publish_is_a_problem_while_it_is_tried_and_a_refused_subscription_until_the_connection_is_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(denials, "monotonic", lambda: now)
    refused = Denials("client", "worker")
    assert refused.problem is None
    for _ in range(3):
        refused.note(Violation("publish", "$KV.HEADRACE_KINDS.echo"))
        assert "to publish to $KV.HEADRACE_KINDS.echo; give it the permissions" in (refused.problem or "")
        now += RECENT_SECONDS / 2
    assert refused.lasting_problem is None
    now += RECENT_SECONDS
    assert refused.problem is None, "it was not tried again, or is permitted now"
    refused.note(Violation("subscription", "hr.cancelled.*"))
    now += RECENT_SECONDS * 10
    assert refused.problem == refused.lasting_problem
    assert "to subscribe to hr.cancelled.*" in (refused.problem or "")
    refused.forget()
    assert refused.problem is None
