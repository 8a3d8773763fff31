from __future__ import annotations

import os
import stat
from pathlib import Path

import psutil
import pytest

from headrace.cli.terminal.saved_keys import SavedKeys
from headrace.embedded.credentials import Credentials
from headrace.embedded.errors import HomeError
from headrace.embedded.home import ROOT_HOME, Home, RunInfo, Started
from headrace.embedded.private_files import private_directory

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


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


def test_the_token_that_an_older_version_had_for_nats_is_removed(place: Path) -> None:
    (place / "home").mkdir(mode=0o700)
    (place / "home" / "nats.token").write_text("of an older version")
    with Home(place / "home"):
        assert not (place / "home" / "nats.token").exists()


def test_a_directory_that_cannot_be_written_is_named_with_what_to_do(place: Path) -> None:
    (place / "file").touch()
    with pytest.raises(HomeError, match=r"file/home cannot be written \(Not a directory\): set HEADRACE_HOME"):
        Home(place / "file" / "home").__enter__()


@as_root
def test_a_directory_of_another_user_is_refused_and_left_as_it_is(place: Path) -> None:
    home = place / "home"
    home.mkdir(mode=0o755)
    os.chown(home, 12345, 12345)
    with pytest.raises(HomeError, match=r"belongs to another user \(uid 12345\).*: set HEADRACE_HOME"):
        Home(home).__enter__()
    assert (mode(home), list(home.iterdir())) == (0o755, [])
    private_directory(home, owners=[12345])
    link, ours = place / "link", place / "ours"
    ours.mkdir(mode=0o755)
    link.symlink_to(ours)
    os.chown(link, 12345, 12345, follow_symlinks=False)
    with pytest.raises(HomeError, match=f"{link} belongs to another user"):
        Home(link).__enter__()
    assert (mode(ours), list(ours.iterdir())) == (0o755, [])


@as_root
@pytest.mark.parametrize(
    "name", ["api.secret", "follow.secret", "nats.api", "run.json", "credentials.json", "lock", "x"]
)
async def test_what_another_user_has_left_in_a_home_is_named_and_neither_read_nor_followed(
    place: Path, name: str
) -> None:
    home, target = Home(place / "home"), place / "target"
    home.path.mkdir()
    home.path.chmod(0o777)
    target.write_text("of root")
    target.chmod(0o600)
    left = home.path / name
    remedy = rf"{left} belongs to another user \(uid 12345\), .*: remove it"
    for leave in (left.touch, lambda: left.symlink_to(target), left.mkdir)[: 2 if name == "postgres" else 3]:
        leave()
        os.chown(left, 12345, 12345, follow_symlinks=False)
        with pytest.raises(HomeError, match=remedy):
            home.__enter__()
        assert target.read_text() == "of root"
        assert mode(home.path) == 0o711, "nobody leaves anything more"
        left.rmdir() if left.is_dir() else left.unlink()


@as_root
@pytest.mark.parametrize("owner", [12345, 0])
def test_a_file_of_the_home_that_others_may_have_written_is_not_used_by_any_command(place: Path, owner: int) -> None:
    home = Home(place / "home")
    home.path.mkdir(mode=0o711)
    for name, read in {
        "api.secret": home.read_api_secret,
        "follow.secret": home.follow_secret,
        "nats.api": lambda: home.nats_password("api"),
        "run.json": home.running,
        "credentials.json": lambda: Credentials.read(home.credentials),
    }.items():
        left = home.path / name
        left.write_text("of another user")
        left.chmod(0o666)
        os.chown(left, owner, owner)
        with pytest.raises(HomeError, match=rf"{left} (belongs to another user|is open to other users \(mode 0666\))"):
            read()
        left.unlink()
        left.symlink_to(place / "elsewhere")
        with pytest.raises(HomeError, match=f"{left} is a link"):
            read()


@as_root
def test_a_file_is_used_in_the_home_of_another_user_that_root_names(place: Path) -> None:
    home = Home(place / "home")
    home.path.mkdir(mode=0o700)
    secret = home.api_secret()
    for path in (home.path, home.api_secret_file):
        os.chown(path, 12345, 12345)
    assert home.read_api_secret() == secret


@pytest.mark.parametrize("name", [b"two\nlines", b"\xff", b"\x1b[31m"])
def test_a_name_that_the_servers_cannot_use_is_refused_and_shown_without_its_odd_characters(
    place: Path, name: bytes
) -> None:
    with pytest.raises(HomeError, match="a byte that is not UTF-8: set HEADRACE_HOME") as caught:
        Home(place / os.fsdecode(name)).__enter__()
    assert str(caught.value).isprintable()
    assert list(place.iterdir()) == []


def test_a_user_without_a_home_directory_is_told_to_name_one() -> None:
    with pytest.raises(HomeError, match=r"~nobody_of_that_name/headrace names no directory .*: set HEADRACE_HOME"):
        Home.at("~nobody_of_that_name/headrace")


def test_whoever_has_no_home_directory_has_the_place_of_root_and_keeps_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> Path:
        raise RuntimeError(f"could not determine the home directory for ~/.local/share/{name}")

    monkeypatch.setattr("platformdirs.user_data_path", find)
    monkeypatch.setattr("platformdirs.user_config_path", find)
    monkeypatch.setattr("os.geteuid", lambda: 10001)
    assert Home.at(None).path == ROOT_HOME
    assert SavedKeys().file.parent == ROOT_HOME


def test_directories_are_closed_to_others_whatever_the_umask_is(place: Path) -> None:
    before = os.umask(0o777)
    try:
        private_directory(place / "above" / "home", 0o711)
    finally:
        os.umask(before)
    assert (mode(place / "above"), mode(place / "above/home")) == (0o711, 0o711)


def test_the_token_is_made_once_and_nobody_else_reads_it(place: Path) -> None:
    with Home(place / "home") as home:
        token = home.nats_password("api")
        assert len(token) >= 40
        assert home.nats_password("api") == token
        assert mode(home.path / "nats.api") == 0o600
        assert mode(home.path) == (0o711 if os.geteuid() == 0 else 0o700)


def test_a_token_that_cannot_be_read_is_told_with_what_to_do(place: Path) -> None:
    with Home(place / "home") as home:
        (home.path / "nats.api").write_bytes(b"\xff")
        (home.path / "nats.api").chmod(0o600)
        with pytest.raises(HomeError, match=r"nats.api cannot be read .*: remove it, and it is made again"):
            home.nats_password("api")


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
