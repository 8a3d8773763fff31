"""Which version of the history is the one before the checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.upgrade.versions import NoHistory, previous_commit


class Repository:
    """A repository that a test writes."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.git("init", "-q")

    def git(self, *arguments: str) -> str:
        """Run git, and return what it says."""
        who = ("-c", "user.name=tester", "-c", "user.email=tester@example.com", "-c", "commit.gpgsign=false")
        command = ("git", "-C", str(self.place), *who, *arguments)
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def commit(self, file: str) -> str:
        """Change a file, and return the commit."""
        path = self.place / file
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as opened:
            opened.write("more\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", file)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_without_releases_it_is_the_commit_before_the_last_that_ships_anything(repository: Repository) -> None:
    repository.commit("src/a.py")
    before = repository.commit("docs/a.md")
    repository.commit("migrations/a.py")
    repository.commit("tests/a.py")
    assert previous_commit(repository.place) == before


def test_a_release_is_the_version_before_and_the_newest_counts(repository: Repository) -> None:
    for release in ("v0.9.0", "v0.10.0"):
        released = repository.commit("src/a.py")
        repository.git("tag", release)
    repository.commit("src/a.py")
    repository.commit("src/a.py")
    assert previous_commit(repository.place) == released


def test_a_release_is_upgraded_from_the_one_before_it(repository: Repository) -> None:
    before = repository.commit("src/a.py")
    repository.git("tag", "v0.1.0")
    repository.commit("src/a.py")
    repository.git("tag", "v0.2.0")
    assert previous_commit(repository.place) == before


@pytest.mark.parametrize("is_repository", [True, False])
def test_a_checkout_without_history_is_told(tmp_path: Path, is_repository: bool) -> None:
    if is_repository:
        Repository(tmp_path).commit("src/a.py")
    with pytest.raises(NoHistory, match="git"):
        previous_commit(tmp_path)
