from __future__ import annotations

import os
import stat
from pathlib import Path

import psutil
import pytest

from headrace.embedded.errors import HomeError
from headrace.embedded.home import Home, RunInfo, Started


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def a_run(up: Started, **children: Started) -> RunInfo:
    return RunInfo(up=up, api_url="http://a", nats_url="nats://n", database_url="postgresql://d", children=children)


def test_a_second_one_on_the_same_directory_is_refused_with_the_number_of_the_first(place: Path) -> None:
    home = place / "home"
    with (
        Home(home),
        pytest.raises(HomeError, match=f"{home} is in use by pid {os.getpid()}: stop that one"),
        Home(home),
    ):
        pass
    with Home(home):
        pass


def test_a_directory_that_cannot_be_written_is_named_with_what_to_do(place: Path) -> None:
    (place / "file").touch()
    with pytest.raises(HomeError, match=r"file/home cannot be written \(Not a directory\): set HEADRACE_HOME"):
        Home(place / "file" / "home").__enter__()


def test_the_token_is_made_once_and_nobody_else_reads_it(place: Path) -> None:
    with Home(place / "home") as home:
        token = home.nats_token()
        assert len(token) >= 40
        assert home.nats_token() == token
        assert mode(home.path / "nats.token") == 0o600
        assert mode(home.path) == (0o711 if os.geteuid() == 0 else 0o700)


def test_a_running_up_is_found_until_it_ends(place: Path) -> None:
    info = a_run(Started.of_this_process())
    with Home(place / "home") as home:
        assert home.running() is None
        home.announce(info)
        assert Home(place / "home").running() == info
        assert mode(home.path / "run.json") == 0o600
    assert home.running() is None


def test_an_up_whose_number_is_another_process_now_is_not_running(place: Path, held: psutil.Process) -> None:
    with Home(place / "home") as home:
        home.announce(a_run(Started(held.pid, held.create_time() - 3600)))
        assert home.running() is None


async def test_what_was_left_over_is_ended_and_another_process_with_its_number_is_not(
    place: Path, held: psutil.Process
) -> None:
    left_over = psutil.Popen(["sleep", "60"])
    with Home(place / "home") as home:
        theirs = Started(held.pid, held.create_time() - 3600)
        home.announce(a_run(theirs, worker=Started(left_over.pid, left_over.create_time()), api=theirs))
        assert await home.end_left_over() == ["worker"]
    assert left_over.wait() == -15
