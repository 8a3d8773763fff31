"""The directories in which workers have local files."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.worker.scratch import Scratch


def test_what_a_killed_worker_left_on_the_disk_goes_at_the_next_start(tmp_path: Path) -> None:
    living = Scratch(tmp_path)
    (tmp_path / "worker-killed").mkdir()
    (tmp_path / "worker-killed" / "worker.lock").touch()
    (tmp_path / "worker-killed" / "copy").write_bytes(b"large")
    (tmp_path / "worker-starting").mkdir()
    other = Scratch(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {living.path.name, other.path.name, "worker-starting"}
    for each in (living, other):
        each.remove()
    assert [each.name for each in tmp_path.iterdir()] == ["worker-starting"]


def test_a_worker_without_a_place_for_local_files_works_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    scratch = Scratch(tmp_path / "file" / "scratch")
    with pytest.raises(OSError, match="Not a directory"):
        scratch.new_directory().mkdir(parents=True)
    scratch.remove()
