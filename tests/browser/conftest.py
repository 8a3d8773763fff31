from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def steadily(steady: None) -> None:
    """Each test here has a browser."""
