"""The inputs of a batch over files, as they are made."""

from __future__ import annotations

import tracemalloc

from headrace.api.v1.batch_files import inputs_over

REST: dict[str, object] = {"text": "x" * 100_000}
FILES = [f"file-{number}" for number in range(1000)]


def test_the_inputs_of_many_files_are_not_in_memory_at_once() -> None:
    tracemalloc.start()
    try:
        sizes = [len(bytes(each)) for each in inputs_over(FILES, "source", REST)]
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(sizes) == len(FILES)
    assert most < 10 * min(sizes)
