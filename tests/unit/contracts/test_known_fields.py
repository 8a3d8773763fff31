"""What a newer version has stored is read by what is known of it."""

from __future__ import annotations

import msgspec
import pytest

from headrace.contracts.known_fields import decode_known
from headrace.contracts.run_time_settings import AccountLimits, Retention, RunTimeSettings, SettingsVersion

NEWER = {
    "registration": "closed",
    "disabled_kinds": ["echo"],
    "limits": {"reads": 7, "uploads": 3},
    "own_limits": {"u1": {"streams": 2, "uploads": 1}},
    "retention": {"days": 5, "kinds": {"echo": 1}, "colder": True},
    "sign_in": {"by": ["password"]},
}
KNOWN = RunTimeSettings(
    registration="closed",
    disabled_kinds=["echo"],
    limits=AccountLimits(reads=7),
    own_limits={"u1": AccountLimits(streams=2)},
    retention=Retention(days=5, kinds={"echo": 1}),
)


def test_fields_that_are_not_known_are_passed_over_wherever_they_are() -> None:
    assert decode_known(msgspec.json.encode(NEWER), RunTimeSettings) == KNOWN
    told = {"version": 3, "at": "2026-03-01T09:30:00Z", "by": "local", "why": "a try", "settings": NEWER}
    assert decode_known(msgspec.json.encode(told), SettingsVersion).settings == KNOWN


def test_a_value_that_is_not_known_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.registration"):
        decode_known('{"registration": "invited"}', RunTimeSettings)
