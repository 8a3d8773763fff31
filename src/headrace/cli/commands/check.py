"""The commands `check`, of the settings before a start and of what runs for cron and monitoring, and `doctor`."""

from __future__ import annotations

import sys
from datetime import timedelta
from functools import reduce
from pathlib import Path
from typing import Any, cast, get_args

import click
from click.core import ParameterSource
from click.decorators import FC

from headrace.cli.commands.options import (
    EXIT_USAGE,
    home_option,
    json_option,
    note_unknown_settings,
    read_settings,
    read_usable_settings,
    refusals_beside,
    url_option,
)
from headrace.cli.commands.parameter_types import DURATION, KIND, PERCENTAGE
from headrace.cli.terminal.output import note, show
from headrace.settings.production import Process

_SETTINGS = ("settings", *get_args(Process))
_RUNNING = ("lag", "log", "ready", "all")
_CLUSTER = "cluster"
_OF_SETTINGS = {"explain", "connect"}
_OF_CLUSTER = {"passwords", "allow_no_workers", "json"}

# The option, its type, when it warns and when it is critical by default, and what it is about.
_LIMITS: tuple[tuple[str, click.ParamType[Any], str, str, str], ...] = (
    ("oldest", DURATION, "1m", "10m", "age of the oldest queued task of a kind"),
    ("behind", DURATION, "10s", "1m", "age of the oldest record that the projector has not read"),
    ("used", PERCENTAGE, "80%", "95%", "share of the size at which the log refuses work, and of JetStream's disk"),
)


def _limit_options(command: FC) -> FC:
    options = [
        click.option(
            f"--{name}-{level}", type=kind, default=default, show_default=True, help=f"{level.title()} {about}."
        )
        for name, kind, warning, critical, about in _LIMITS
        for level, default in (("warning", warning), ("critical", critical))
    ]
    return reduce(lambda decorated, option: option(decorated), reversed(options), command)


@click.command()
@click.argument(
    "what", required=False, default="settings", type=click.Choice([*_SETTINGS, *_RUNNING, _CLUSTER]), metavar="[WHAT]"
)
@click.option("--explain", is_flag=True, help="Of settings: say how to mend each.")
@click.option("--connect", is_flag=True, help="Of settings: ask NATS and Postgres, too; takes a few seconds at most.")
@_limit_options
@click.option("--kind", "kinds", type=KIND, multiple=True, help="Of lag: only this kind; may be given again.")
@url_option
@home_option
@click.option(
    "--passwords",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Of cluster: a directory with a file for each user of NATS, named after it, with its password.",
)
@click.option(
    "--allow-no-workers",
    is_flag=True,
    help="Of cluster: that no worker runs is well, because something scales them to zero.",
)
@json_option
@click.pass_context
def check(
    context: click.Context,
    what: str,
    explain: bool,
    connect: bool,
    passwords: Path | None,
    allow_no_workers: bool,
    json: bool,
    **of_running: Any,
) -> None:
    """Check settings, what runs, or an installation.

    Without a word, or with `settings`, what production refuses of all settings; with the name of a process (api, worker, projector,
    provision, migrate, up), of those of that process. With --connect, also what NATS does not permit it. Exits with 0 when nothing
    is to be mended, with 1 when something is, and with 2 when the settings cannot be read.

    With `lag`, `log`, `ready` or `all` of these, what runs: one line, as the plugins of Nagios print it, and the exit code 0 for OK,
    1 for WARNING and 2 for CRITICAL, also when nothing answers. `lag` is about kinds and the projector, `log` about the size and the
    copies of the log, `ready` about the API, or the process whose operations port --url names.

    With `cluster`, from inside of it: the servers of NATS, copies, permissions, Postgres, files, processes and clocks. A line for
    each, and the same exit codes; what cannot be seen from here is said and leaves 0.
    """
    _refuse_options_of_others(context, what)
    if what == _CLUSTER:
        home = of_running["home"]
        sys.exit(_check_cluster(home, passwords, allow_no_workers=allow_no_workers, json=json))
    if what in _RUNNING:
        sys.exit(_check_running(what, **of_running))
    process = cast("Process | None", None if what == "settings" else what)
    sys.exit(_check_settings(process, explain=explain, connect=connect))


def _refuse_options_of_others(context: click.Context, what: str) -> None:
    """Refuse an option that would have no effect."""
    given = {name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE} - {
        "what"
    }
    if what in _RUNNING:
        wrong = given & (_OF_SETTINGS | _OF_CLUSTER)
    else:
        wrong = given - (_OF_CLUSTER | {"home"} if what == _CLUSTER else _OF_SETTINGS)
    if wrong:
        name = next(each.opts[0] for each in context.command.params if each.name == min(wrong))
        raise click.UsageError(f"{name} is not about `check {what}`", context)


def _check_settings(process: Process | None, *, explain: bool, connect: bool) -> int:
    from headrace.cli.terminal.check import check as run_check
    from headrace.cli.terminal.check import describe
    from headrace.cli.terminal.exits import run_command
    from headrace.telemetry import set_up_logs

    settings, wrong = read_usable_settings()
    note_unknown_settings()
    refused = refusals_beside(wrong, settings, process)
    if wrong:
        # Nothing more is said of settings that have defaults in the places of those that cannot be read.
        note(wrong)
        for line in describe(settings, refused, explain=explain):
            show(line)
        return EXIT_USAGE
    # What a library logs about a server that cannot be reached is said by the check itself.
    set_up_logs("check", "error", settings.log_format)
    return run_command(run_check(settings, process, refused, explain=explain, connect=connect))


def _check_running(what: str, kinds: tuple[str, ...], url: str | None, home: str | None, **limits: Any) -> int:
    from headrace.cli.terminal.checks.run import Asked, check_now
    from headrace.cli.terminal.checks.verdict import Thresholds
    from headrace.cli.terminal.discovery import find_api
    from headrace.cli.terminal.exits import run_command

    settings = read_settings()
    note_unknown_settings()
    pairs = {name: (_number(limits[f"{name}_warning"]), _number(limits[f"{name}_critical"])) for name, *_ in _LIMITS}
    asked = Asked(cast("Any", what), Thresholds(**pairs), kinds, find_api(url, settings), home)
    return run_command(check_now(settings, asked))


def _check_cluster(home: str | None, passwords: Path | None, *, allow_no_workers: bool, json: bool) -> int:
    from headrace.cli.terminal.cluster.run import check_cluster
    from headrace.cli.terminal.exits import run_command

    settings = read_settings()
    note_unknown_settings()
    asked = check_cluster(settings, home=home, passwords=passwords, allow_no_workers=allow_no_workers, json=json)
    return run_command(asked)


def _number(limit: timedelta | float) -> float:
    return limit.total_seconds() if isinstance(limit, timedelta) else limit


@click.command()
@home_option
@json_option
def doctor(home: str | None, json: bool) -> None:
    """Collect what is known, and say what to do about it.

    Versions, settings (secrets are hidden), the log, streams, kinds, migrations, clocks and disks. What does not answer is said,
    and the rest is collected all the same. Exits with 1 when something is wrong.
    """
    from headrace.cli.terminal.doctor.show import examine
    from headrace.cli.terminal.exits import run_command

    settings, wrong = read_usable_settings()
    note_unknown_settings()
    sys.exit(run_command(examine(settings, wrong, home=home, json=json)))
