from __future__ import annotations

import pytest

from headrace.worker.child_process import describe_end


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (0, "ended with exit code 0"),
        (-11, "was killed by signal 11 (SIGSEGV)"),
        (-200, "was killed by signal 200 (unknown)"),
    ],
)
def test_every_end_has_words(code: int, said: str) -> None:
    assert describe_end(code) == said
