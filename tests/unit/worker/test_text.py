from __future__ import annotations

import pytest

from headrace.worker.text import legible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("short", "short"),
        ("12345678", "12345678"),
        ("123456789", "1234567…"),
        ("", ""),
        ("a\udce9", "a\\udce9"),
    ],
)
def test_text_is_cut_where_it_is_too_long_and_can_be_encoded(text: str, shown: str) -> None:
    assert legible(text, 8) == shown
    shown.encode()
