"""What an entry of the audit says when there is more than it has room for."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from headrace.api.auth.audit_data import encode_data
from headrace.contracts.audit import AUDIT_DATA_BYTES_MAX

OWN_LIMITS = {f"user-{number:032}": {"submissions": 1} for number in range(400)}


def test_a_large_change_hides_no_other_and_leaves_its_size_and_hash() -> None:
    changes = {
        "own_limits": {"from": {}, "to": OWN_LIMITS},
        "registration": {"from": "open", "to": "closed"},
        "disabled_kinds": {"from": ["a" * 60] * 900, "to": ["b" * 60] * 1_000},
    }
    written = encode_data({"changes": changes, "version": 7, "credential": "session:1"})
    assert len(written) <= AUDIT_DATA_BYTES_MAX
    entry = json.loads(written)
    assert (entry["version"], entry["credential"]) == (7, "session:1")
    assert list(entry["changes"]) == list(changes)
    assert entry["changes"]["registration"] == changes["registration"]
    encoded = json.dumps(OWN_LIMITS, separators=(",", ":")).encode()
    left_out = {"left_out_bytes": len(encoded), "sha256": sha256(encoded).hexdigest()}
    assert entry["changes"]["own_limits"] == {"from": {}, "to": left_out}


@pytest.mark.parametrize(
    "data",
    [
        {"reason": "x" * 100_000},
        {str(number): "x" * 50 for number in range(1_000)},
        {"x" * 100_000: 1},
        {f"{number}": {"a": "\x00" * 900, "b": ["é"] * 900} for number in range(20)},
        {"a": {"b": {"c": {"d": "\u2028" * 9_000}}}},
    ],
)
def test_no_entry_is_larger_than_it_may_be(data: dict[str, object]) -> None:
    assert len(encode_data(data).encode()) <= AUDIT_DATA_BYTES_MAX


def test_what_fits_is_written_as_it_is() -> None:
    assert json.loads(encode_data({"a": {"b": [1, None]}, "c": "é"})) == {"a": {"b": [1, None]}, "c": "é"}
