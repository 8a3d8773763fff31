"""When a key may expire."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from headrace.contracts.identity import ApiKeyRequest
from headrace.errors import InvalidInput
from headrace.identity.key_rules import expiry_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none_in_another_time_zone_is_refused(at: str) -> None:
    asked = msgspec.convert({"name": "k", "expires_at": at}, ApiKeyRequest)
    with pytest.raises(InvalidInput, match=r"never expires|in the past"):
        expiry_of(asked, NOW)
