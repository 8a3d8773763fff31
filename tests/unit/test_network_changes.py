from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from tests import network_changes
from tests.network_changes import changing_network, steady_network


@pytest.fixture(autouse=True)
def own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes that run tests use the real ones."""
    for name in ("_CHANGES", "_GATE"):
        monkeypatch.setattr(network_changes, name, tmp_path / name)


def is_free(how: int) -> bool:
    descriptor = os.open(network_changes._CHANGES, os.O_RDWR)  # pyright: ignore[reportPrivateUsage]
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def test_addresses_do_not_change_while_any_test_has_a_browser_open() -> None:
    with steady_network():
        with steady_network():
            assert not is_free(fcntl.LOCK_EX)
        assert not is_free(fcntl.LOCK_EX)
        assert is_free(fcntl.LOCK_SH)
    assert is_free(fcntl.LOCK_EX)


def test_no_test_opens_a_browser_while_addresses_change() -> None:
    with changing_network():
        assert not is_free(fcntl.LOCK_SH)
    assert is_free(fcntl.LOCK_EX)
