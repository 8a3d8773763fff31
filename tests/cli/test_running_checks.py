from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.terminal.checks.lag import check_lag
from headrace.cli.terminal.checks.log import check_log
from headrace.cli.terminal.checks.ready import check_ready
from headrace.cli.terminal.checks.verdict import Figure, Finding, Level, Thresholds, Verdict, line_of
from headrace.cli.terminal.sizes import size
from headrace.lag.rows import Row
from headrace.log.extent import LogExtent, Store
from tests.cli.canned import answering
from tests.cli.conftest import Shell
from tests.cluster import Cluster

THRESHOLDS = Thresholds(oldest=(60, 600), behind=(10, 60), used=(80, 95))
GIB = 1 << 30


async def test_what_runs_well_is_one_line_with_figures_and_exit_code_0(cluster: Cluster) -> None:
    done = await Shell(cluster.environ | {"HEADRACE_URL": cluster.url}).call("check", "all")
    assert done.code == 0, done
    (line,) = done.out.splitlines()
    words, _, figures = line.partition(" | ")
    assert words.startswith("OK ready: ")
    assert " kinds, 0 queued" in words
    assert {each.partition("=")[0] for each in figures.split()} == {
        *("queued", "oldest", "running", "deferred", "behind", "used", "bytes", "copies")
    }
    assert "used=0%;80;95" in figures or "used=0." in figures


async def test_what_cannot_be_reached_is_critical(place: Path) -> None:
    nowhere = {
        "HEADRACE_NATS_URL": "nats://127.0.0.1:1",
        "HEADRACE_URL": "http://127.0.0.1:1",
        "HEADRACE_HOME": str(place),
    }
    done = await Shell(nowhere).call("check", "all")
    assert (done.code, done.err) == (2, "")
    (line,) = done.out.splitlines()
    assert line.startswith("CRITICAL ")
    assert "NATS cannot be reached" in line


@pytest.mark.parametrize(
    ("status", "body", "level", "said"),
    [
        (200, '{"status":"ok","checks":{"log":"ok","mounts":"ok; core"}}', Level.OK, "is ready"),
        (200, '{"status":"failing","checks":{"log":"ok","postgres":"away"}}', Level.WARNING, "postgres: away"),
        (503, '{"status":"failing","checks":{"log":"full"}}', Level.CRITICAL, "log: full"),
        (503, '{"status":"ok","checks":{}}', Level.CRITICAL, "503 ok"),
        (200, "<html>", Level.CRITICAL, "answers 200, and not as Headrace does"),
    ],
)
async def test_a_process_is_judged_by_its_readiness(status: int, body: str, level: Level, said: str) -> None:
    async with answering(status, body) as url:
        verdict = await check_ready(url)
    assert verdict.level == level
    assert said in verdict.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("worker", "--oldest-warning", "3s"), "--oldest-warning is not about `check worker`"),
        (("--kind", "echo"), "--kind is not about `check settings`"),
        (("lag", "--connect"), "--connect is not about `check lag`"),
        (("log", "--used-warning", "80"), "'80' is not a share like 80%"),
        (("log", "--used-critical", "101%"), "is not a share like 80%"),
        (("nonsense",), "'nonsense' is not one of"),
    ],
)
async def test_an_option_that_would_have_no_effect_is_refused(arguments: tuple[str, ...], said: str) -> None:
    done = await Shell({}).call("check", *arguments)
    assert done.code == 2
    assert said in done.err


async def test_settings_is_the_word_for_no_word_at_all() -> None:
    without, with_word = await Shell({}).call("check"), await Shell({}).call("check", "settings")
    assert without == with_word
    assert (without.code, without.out) == (0, "local: nothing is refused; --connect asks the servers, too\n")


def row(name: str = "echo", **differing: Any) -> Row:
    values: dict[str, Any] = {
        "name": name,
        "of": "kind",
        "state": None,
        "hint": None,
        "queued": 0,
        "oldest_queued_seconds": None,
        "running": 0,
        "redelivered": 0,
        "pulls": 1,
        "paused": False,
    }
    return Row(**values | differing)


PROJECTOR = row("projector", of="headrace")


@pytest.mark.parametrize(
    ("rows", "level", "said"),
    [
        ([PROJECTOR, row()], Level.OK, "1 kind, 0 queued, 0 running"),
        (
            [PROJECTOR, row(queued=3, oldest_queued_seconds=59)],
            Level.OK,
            "1 kind, 3 queued, the oldest for 59 s, 0 running",
        ),
        ([PROJECTOR, row(queued=3, oldest_queued_seconds=60)], Level.WARNING, "echo: queued, the oldest for 1 min"),
        (
            [PROJECTOR, row(state="slow", oldest_queued_seconds=600)],
            Level.CRITICAL,
            "echo: slow, the oldest for 10 min",
        ),
        (
            [PROJECTOR, row(state="paused", paused=True, oldest_queued_seconds=6e3)],
            Level.WARNING,
            "echo: paused, the oldest for 1.7 h",
        ),
        ([PROJECTOR, row(state="no workers", hint="no workers: …")], Level.CRITICAL, "echo: no workers: …"),
        (
            [PROJECTOR, row(state="no workers", hint="no workers: …", oldest_queued_seconds=5)],
            Level.WARNING,
            "echo: no workers: …",
        ),
        ([row()], Level.CRITICAL, "no projector ever ran"),
        ([row("projector", of="headrace", oldest_queued_seconds=11)], Level.WARNING, "projector is behind by 11 s"),
        (
            [row("projector", of="headrace", state="not running", hint="not running: …")],
            Level.CRITICAL,
            "not running: …",
        ),
    ],
)
def test_the_worst_of_the_kinds_and_readers_counts(rows: list[Row], level: Level, said: str) -> None:
    verdict = check_lag(rows, THRESHOLDS)
    assert (verdict.level, verdict.text) == (level, said)


def test_only_the_kinds_that_are_named_are_judged_and_one_that_is_missing_is_told() -> None:
    rows = [PROJECTOR, row(), row("slow", state="stalled", hint="stalled: …")]
    assert check_lag(rows, THRESHOLDS, ["echo"]).level == Level.OK
    assert check_lag(rows, THRESHOLDS, ["ecko"]).text == "no worker ever announced ecko"


def test_deferred_tasks_are_told_as_a_number_only_when_all_were_counted() -> None:
    counted = check_lag([PROJECTOR, row(deferred=2), row("slow", deferred=1)], THRESHOLDS)
    assert counted.text == "2 kinds, 0 queued, 0 running, 3 deferred"
    assert "deferred=3" in map(str, counted.figures)
    more = check_lag([PROJECTOR, row(deferred=5000, deferred_is_complete=False)], THRESHOLDS)
    assert more.text == "1 kind, 0 queued, 0 running, 5,000+ deferred"
    assert "deferred=U" in map(str, more.figures)


def extent(**differing: Any) -> LogExtent:
    values: dict[str, Any] = {
        "bytes": GIB,
        "bytes_max": 8 * GIB,
        "records": 1,
        "first_at": None,
        "retention": 60.0,
        "replicas": 1,
        "replicas_current": 1,
        "has_leader": True,
        "behind": [],
        "created_by": None,
        "disk": None,
        "memory": None,
        "asked_at": datetime.now(UTC),
    }
    return LogExtent(**values | differing)


@pytest.mark.parametrize(
    ("found", "level", "said"),
    [
        (extent(), Level.OK, "1 GiB of 8 GiB"),
        (extent(bytes=7 * GIB), Level.WARNING, "88 % of 8 GiB used; at 100 % new work is refused"),
        (extent(bytes=9 * GIB), Level.CRITICAL, "112 % of 8 GiB used; new work is refused"),
        (
            extent(disk=Store(used=9, limit=10)),
            Level.WARNING,
            "JetStream uses 90 % of the disk that it may: 10 bytes",
        ),
        (extent(disk=Store(used=9, limit=-1)), Level.OK, "1 GiB of 8 GiB"),
        (extent(replicas=3, replicas_current=3), Level.OK, "1 GiB of 8 GiB, 3 copies"),
        (
            extent(replicas=3, replicas_current=2, behind=["n1"]),
            Level.WARNING,
            "2 of 3 copies are up to date (n1 behind or away)",
        ),
        (extent(replicas=3, replicas_current=1), Level.CRITICAL, "1 of 3 copies are up to date"),
        (
            extent(replicas=3, has_leader=False),
            Level.CRITICAL,
            "the log has no leader, and takes nothing: start its servers",
        ),
    ],
)
def test_the_log_is_judged_by_its_size_and_its_copies(found: LogExtent, level: Level, said: str) -> None:
    verdict = check_log(found, THRESHOLDS)
    assert (verdict.level, verdict.text) == (level, said)


def test_the_worst_comes_first_and_nothing_in_it_ends_the_words_or_the_line() -> None:
    verdicts = [
        Verdict("log", [], "fine", [Figure("bytes", 2.0, "B")]),
        Verdict(
            "lag",
            [Finding(Level.WARNING, "later"), Finding(Level.CRITICAL, "a | b\nc")],
            "",
            [Figure("oldest", 61.0, "s", 60, 600)],
        ),
    ]
    assert line_of(verdicts) == (Level.CRITICAL, "CRITICAL lag: a / b c; later; log: fine | oldest=61s;60;600 bytes=2B")


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"),
        (27, "27 bytes"),
        (1000, "0.977 KiB"),
        (256 << 20, "256 MiB"),
        (8 << 30, "8 GiB"),
        (1 << 40, "1 TiB"),
    ],
)
def test_a_number_of_bytes_is_told_in_its_largest_unit(count: int, shown: str) -> None:
    assert size(count) == shown


def test_a_line_names_some_of_many_findings() -> None:
    many = Verdict("lag", [Finding(Level.WARNING, str(number)) for number in range(30)], "")
    assert many.text.endswith("; 9; 20 more")
