"""The command line in the environments of others: no traceback, an exit code, and a sentence that says what to do."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
from pathlib import Path

import httpx
import pytest

from headrace.cli.commands.parameter_types import INPUT_BYTES_MAX
from headrace.cli.terminal import output
from headrace.cli.terminal.api_errors import api_errors_explained
from headrace.cli.terminal.batch import read_inputs
from headrace.cli.terminal.exits import (
    EXIT_FAULT,
    EXIT_OUTPUT_LOST,
    EXIT_READER_LEFT,
    EXIT_REFUSED,
    EXIT_UNREACHABLE,
    CommandFailed,
    run_cli,
    run_command,
)
from headrace.client import Client, ProblemError
from headrace.client.address import open_http
from headrace.contracts.batches import INPUTS_MAX
from tests.cli.conftest import END_SECONDS, Done, Shell, Up

NOBODY = "http://127.0.0.1:1"


async def in_shell(up: Up, line: str, **environ: str) -> Done:
    """Run a line of bash; `headrace` is the command, the exit code is that of the first program of a pipe."""
    program = f'headrace() {{ {sys.executable} -m headrace "$@"; }}; {line}; exit ${{PIPESTATUS[0]}}'
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", program),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=up.shell.environ | environ,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(END_SECONDS):
            out, err = await process.communicate()
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(f"{line} did not end") from None
    assert b"Traceback" not in err
    return Done(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
def alone(place: Path) -> Up:
    """A shell of a home in which nothing runs."""
    from headrace.embedded.home import Home

    return Up(NOBODY, Home(place), Shell({"HEADRACE_HOME": str(place)}))


async def test_a_reader_that_leaves_ends_a_command_without_a_word(up: Up, client: Client) -> None:
    await client.result((await client.submit("shout", {"text": "x"})).id)
    for command in ("kinds", "kinds --json", "lag", "--help", "tail --since 1d"):
        reader, writer = os.pipe()
        os.close(reader)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "headrace", *command.split()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=writer,
            stderr=asyncio.subprocess.PIPE,
            env=up.shell.environ,
        )
        os.close(writer)
        async with asyncio.timeout(END_SECONDS):
            _, said = await process.communicate()
        assert (process.returncode, said) == (EXIT_READER_LEFT, b""), command


async def test_output_that_cannot_be_written_is_told_with_an_exit_code_of_its_own(up: Up) -> None:
    for command in ("kinds", "kinds --json", "--help"):
        full = await in_shell(up, f"headrace {command} >/dev/full")
        assert (full.code, full.err) == (
            EXIT_OUTPUT_LOST,
            "standard output cannot be written: No space left on device\n",
        )
    closed = await in_shell(up, "headrace kinds >&-")
    assert (closed.code, closed.err) == (EXIT_OUTPUT_LOST, "standard output cannot be written: Bad file descriptor\n")
    assert (await in_shell(up, "headrace kinds 2>&- </dev/null >/dev/null")).code == 0
    # Nothing is said, and what was asked for is done.
    assert (await in_shell(up, 'headrace batch shout --input - <<< \'{"text": "x"}\' --wait 2>/dev/full')).code == 0


async def test_letters_that_an_output_does_not_have_are_escaped(up: Up) -> None:
    given = json.dumps({"text": "ž 🐎 \x9b \u202e"})
    for encoding in ("latin-1", "ascii", "cp1252"):
        shell = Shell({**up.shell.environ, "PYTHONIOENCODING": encoding})
        done = await shell.run("submit", "shout", "--input", given, "--wait")
        assert (done.code, json.loads(done.out)) == (0, {"text": "Ž 🐎 \x9b \u202e"}), done.err
        done = await shell.run("submit", "shout", "--input", given, "--follow")
        assert done.code == 0, done.err
        assert (await shell.run("kinds")).code == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("headrace submit shout --input - <&-", "standard input cannot be read: it is closed"),
        ("headrace batch shout --input - <&-", "standard input cannot be read: it is closed"),
        ('headrace submit shout --input $\'{"text": "caf\\xe9"}\'', "this is not UTF-8: byte 13 is 0xe9"),
        ("printf '{\"caf\\xe9\": 1}' | headrace submit shout --input - | true", "this is not UTF-8: byte 5 is 0xe9"),
        ("headrace submit shout --input @/dev/zero", "this is not a JSON object"),
        ("headrace submit shout --input README.md", "a file is given as @README.md"),
        (
            "headrace submit shout --input \"{\\\"a\\\":$(head -c 100000 /dev/zero | tr '\\0' '[')\"",
            "nested too deeply",
        ),
        ("headrace submit shout --input $'@/no\\xff\\x1b[31m'", "cannot be read: No such file or directory"),
        ("headrace submit shout --input {} --key ключ --url " + NOBODY, "the key 'ключ' cannot be sent"),
        ("headrace submit shout --input {} --key $'a\\nb' --url " + NOBODY, r"the key 'a\nb' cannot be sent"),
        ("headrace batch shout --input - --name $'\\xff' --url " + NOBODY, "is not Unicode text"),
        ("headrace kinds --url http://127.0.0.1:99999", "'http://127.0.0.1:99999' is no address of an API"),
        ("headrace kinds --url http://", "is no address of an API: write it as http://host:port"),
        ("headrace kinds --url http://xn--a", "is no address of an API: write it as http://host:port"),
        ("headrace kinds --url $'http://\\xff'", "is no address of an API: write it as http://host:port"),
        ("HEADRACE_HOME='~nobody_there/x' headrace kinds", "names no directory"),
        (
            "HEADRACE_API_BIND=127.0.0.1:99999 headrace api",
            "HEADRACE_API_BIND='127.0.0.1:99999': there is no port 99999",
        ),
        ("ALL_PROXY=socks5://127.0.0.1:1 headrace kinds --url http://example.invalid", "check HTTP_PROXY"),
    ],
)
async def test_what_cannot_be_sent_is_refused_in_words(alone: Up, line: str, said: str) -> None:
    done = await in_shell(alone, line)
    assert said in done.err
    assert (done.code, done.out) == (EXIT_REFUSED, "") or "| true" in line


async def test_servers_of_headrace_that_cannot_start_say_why_in_a_line(alone: Up) -> None:
    done = await in_shell(alone, "headrace migrate", HEADRACE_DATABASE_URL="postgresql://127.0.0.1:1/x")
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "Postgres cannot be reached" in done.err
    done = await in_shell(alone, "headrace worker", HEADRACE_CONSUMERS="nope.nothing", HEADRACE_STREAM_MAXBYTES="1")
    misspelt, error = map(json.loads, done.err.splitlines())
    assert misspelt["event"].endswith("is HEADRACE_STREAM_MAX_BYTES meant?")
    assert (done.code, error["error"][:35]) == (1, "nope.nothing: cannot be imported: M")


def test_proxies_and_certificates_of_the_environment_do_not_concern_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"ALL_PROXY": "socks5://x", "NO_PROXY": "[::1", "SSL_CERT_FILE": "/nowhere"}.items():
        monkeypatch.setenv(name, value)
    for url in (
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://api.localhost:1",
        "http://[::1]:8080",
        "http://127.1.2.3",
    ):
        assert open_http(url, 1.0).base_url.path == "/api/v1/"


async def test_a_line_that_is_longer_than_any_input_ends_a_batch_before_it_fills_the_memory() -> None:
    with pytest.raises(CommandFailed, match="a line is longer than any input may be"):
        await anext(read_inputs(io.BytesIO(b"x" * (INPUT_BYTES_MAX + 2))))


async def test_inputs_without_end_are_told_to_be_too_many() -> None:
    with pytest.raises(CommandFailed, match="a batch has at most 100,000 inputs") as caught:
        assert [1 async for _ in read_inputs(io.BytesIO(b"{}\n" * (INPUTS_MAX + 1)))]
    assert caught.value.exit_code == EXIT_REFUSED


def test_what_no_command_expected_ends_with_two_lines_that_say_where(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import click

    monkeypatch.setattr(sys, "argv", ["headrace"])

    @click.group(invoke_without_command=True)
    def broken() -> None:
        raise KeyError("\x1b[31m")

    assert run_cli(broken) == EXIT_FAULT
    said = capsys.readouterr().err
    assert said.startswith("this was not expected: KeyError: '\\x1b[31m' (test_odd_terminals.py:")
    assert "please report it" in said


async def test_what_a_library_logs_is_not_shown_and_what_the_client_says_is(alone: Up) -> None:
    program = (
        "import asyncio, logging\n"
        "from headrace.cli.terminal.exits import run_command\n"
        "async def command():\n"
        "    logging.getLogger('asyncio').error('Task exception was never retrieved', exc_info=ValueError('x'))\n"
        "    logging.getLogger('headrace.client').warning('http://h\\x1b: %s; trying again', 'refused')\n"
        "run_command(command())\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), stderr=asyncio.subprocess.PIPE, env=alone.shell.environ
    )
    _, said = await process.communicate()
    assert said == b"http://h\\x1b: refused; trying again\n"


async def test_an_answer_of_another_server_does_nothing_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b]0;pwned\x07\u202e\nfalse line"

    async def refused() -> None:
        with api_errors_explained(NOBODY):
            raise ProblemError(400, "code", evil)

    assert await asyncio.to_thread(run_command, refused()) == EXIT_REFUSED
    output.show(evil)
    output.show_json({"said": evil})
    output.show_table(("said",), [(evil,)])
    shown = capsys.readouterr()
    assert shown.err == "code: \\x1b]0;pwned\\x07\\u202e\\nfalse line\n"
    assert all(line.isprintable() for line in shown.out.splitlines())


async def test_a_certificate_that_is_not_trusted_is_told_with_what_to_do() -> None:
    import ssl

    error = httpx.ConnectError("refused")
    error.__cause__ = ssl.SSLCertVerificationError(1, "self-signed certificate")
    with (
        pytest.raises(
            CommandFailed, match=r"is not trusted .*: name the certificates that you trust in SSL_CERT_FILE"
        ) as caught,
        api_errors_explained("https://api"),
    ):
        raise error
    assert caught.value.exit_code == EXIT_UNREACHABLE


async def test_a_narrow_terminal_and_one_that_can_do_nothing_get_a_table(up: Up) -> None:
    for columns in ("0", "1", "-5", "x"):
        done = await in_shell(
            up, "script -qec 'headrace kinds' /dev/null || headrace kinds", COLUMNS=columns, TERM="dumb"
        )
        assert done.code == 0
    assert os.environ.get("COLUMNS") != "0"


async def test_a_working_directory_that_is_gone_is_said(up: Up, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = await in_shell(up, f"cd {gone}; rmdir {gone}; headrace worker")
    assert (done.code, done.err) == (EXIT_REFUSED, "the working directory is gone: change to one that exists\n")
