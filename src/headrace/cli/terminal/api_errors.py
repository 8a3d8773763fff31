"""Errors of the API in words."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager

import httpx

from headrace.cli.terminal.api_key import ApiKey
from headrace.cli.terminal.discovery import how_to_find
from headrace.cli.terminal.exits import EXIT_REFUSED, EXIT_UNREACHABLE, CommandFailed
from headrace.client import NOT_HEADRACE, ProblemError, Unreachable, UnusableRequest
from headrace.client.address import without_password
from headrace.client.unreachable import describe_refused_certificate, refused_certificate
from headrace.printable import printable
from headrace.settings import Settings


@contextmanager
def api_errors_explained(url: str, key: ApiKey | None = None) -> Generator[None]:
    """Turn every error of the API in the block into a `CommandFailed` that says what to do.

    Args:
        url: The API that the block calls.
        key: The key that is sent to it.

    Raises:
        CommandFailed: The API refused, or the request cannot be sent (`EXIT_REFUSED`); or the API failed or cannot be reached
            (`EXIT_UNREACHABLE`).
    """
    url = without_password(url)
    try:
        yield
    except ProblemError as problem:
        failed = problem.status >= 500 or problem.error_code == NOT_HEADRACE
        exit_code = EXIT_UNREACHABLE if failed else EXIT_REFUSED
        raise CommandFailed(_describe_refusal(problem, url, key), exit_code) from problem
    except (UnusableRequest, httpx.LocalProtocolError) as error:
        raise CommandFailed(str(error), EXIT_REFUSED) from error
    except httpx.ConnectError as error:
        if refused := refused_certificate(error):
            raise CommandFailed(describe_refused_certificate(url, refused), EXIT_UNREACHABLE) from error
        settings = Settings(home=os.environ.get("HEADRACE_HOME") or None)
        reason = error.reason if isinstance(error, Unreachable) else error
        raise CommandFailed(
            f"nothing answers at {url} ({reason}); {how_to_find(settings, '--url')}", EXIT_UNREACHABLE
        ) from error
    except httpx.TransportError as error:
        reason = str(error) or type(error).__name__
        raise CommandFailed(
            f"{url} cannot be reached ({reason}): check that it is the API's address", EXIT_UNREACHABLE
        ) from error


def _describe_refusal(problem: ProblemError, url: str, key: ApiKey | None) -> str:
    """Say what to do about a refusal, also about one of the key that was sent, or of none."""
    if problem.error_code == NOT_HEADRACE or problem.status not in (401, 403):
        return describe_problem(problem)
    how = f"headrace login --url {url}  or set HEADRACE_API_KEY"
    if problem.status == 403:
        source = [] if key is None else [f"this was asked with the key of {key.source}; keep another with  {how}"]
        return "\n".join([describe_problem(problem), *source])
    if key is None:
        return f"{url} asks for an API key: keep one with  {how}"
    return f"{url} does not accept the key of {key.source}: it is revoked, expired or for another server\nkeep another with  {how}"


def describe_problem(problem: ProblemError) -> str:
    """Write a refusal in words, with each path of the input that is wrong on a line of its own unless the message says it."""
    lines = [printable(f"{problem.error_code}: {problem.message}")]
    said = problem.message
    lines += [
        printable(f"  {each.path or '/'}: {each.message}")
        for each in problem.errors
        if each.message != said and f"{each.path or '/'}: {each.message}" not in said
    ]
    if problem.status >= 500 and problem.correlation_id:
        lines.append(printable(f"  correlation id {problem.correlation_id}"))
    return "\n".join(lines)
