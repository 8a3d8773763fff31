"""The generated files, from the code they describe: `python -m tests.generated [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from litestar import Litestar
from litestar.routes import HTTPRoute
from msgspec import Meta, Struct

from consumers.table_profile import table_profile
from consumers.text_feedback import text_feedback
from headrace.api.app import create_app
from headrace.api.auth.access import Rule, rule_of, without_rule
from headrace.api.mounts import DOCUMENTS, mount_of
from headrace.cli.terminal.type_declarations import write_types
from headrace.log.accounts_file import accounts_file, chart_accounts_file
from headrace.settings import PREFIX, Settings
from headrace.settings.environments import DEFAULTS
from headrace.settings.reading import variables
from headrace.settings.secret_files import FILE_SUFFIX
from headrace.worker.describe import describe_kinds
from tests import invariants
from tests.attempt_examples import attempt_examples
from tests.bench.peers.queues import page as benchmarks
from tests.bff.examples import SCREENS
from tests.bff.golden import file_of, golden
from tests.chart.golden import FILES as RENDERED_FILES
from tests.chart.values.files import FILES as CHART_FILES

ROOT = Path(__file__).parents[1]


def openapi(name: str) -> str:
    """A part of the API, for client generators."""
    document = create_app(None, DOCUMENTS[name]).openapi_schema.to_schema()
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def access() -> str:
    """The table of who may use which route. A route that declares no rule has no place in it."""
    app = create_app(None)
    if forgotten := list(without_rule(app.routes)):
        raise ValueError(f"these routes declare no access rule; add opt=access(…): {'; '.join(forgotten)}")
    lines = [
        "# Who may use which route",
        "",
        "Each route declares its rule, and one without a rule is open to nobody.",
        "A credential has its scopes from its account's role, and of a key only those that the key was given. Made from the",
        "routes by `just openapi`.",
        "",
        "The last column is the mount whose processes serve it (`headrace api --mount`): a proxy before several gives each its paths.",
        "Every path below `/api` that ends in `/events` is in `streams`. Every process serves its own documentation and health checks. The web app",
        "has every path that is not in the table and does not begin as one of these, and is in `core`.",
        "",
        "| route | who | mount |",
        "| --- | --- | --- |",
    ]
    return "\n".join([*lines, *sorted(_rules(app))]) + "\n"


def _rules(app: Litestar) -> Iterator[str]:
    for route in app.routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            rule = rule_of(handler)
            if rule is not None and handler.http_methods != {"OPTIONS"}:
                methods = ", ".join(sorted(handler.http_methods))
                path = route.path.replace(":str}", "}")
                mount = mount_of(handler) if path.startswith(("/api/v1/", "/bff/v1/")) else "every"
                yield f"| `{path}` {methods} | {_who(rule)} | {mount} |"


def _who(rule: Rule) -> str:
    if rule.is_by_token:
        return "whoever has the link"
    if rule.is_public:
        return "everybody"
    session = ", with a session and no key" if rule.needs_session else ""
    if rule.is_for_pending:
        return f"every account, for its own state{session}"
    return f"every active account{session}" if rule.scope is None else f"scope `{rule.scope}`"


def settings() -> str:
    """The table of settings."""
    lines = [
        "# Settings",
        "",
        "Environment variables, read when a process starts; an empty one counts as not set. What has `_FILE` behind its name may be",
        "in a file instead, which the variable with that ending names; a line break at its end is dropped. `HEADRACE_ENV` chooses",
        "defaults, and `headrace check` says what production refuses. Made from `src/headrace/settings` by `just openapi`.",
        "",
        "| variable | meaning | default |",
        "| --- | --- | --- |",
    ]
    known = set(variables(Settings))
    for variable, type_, default in _fields(Settings, PREFIX):
        in_file = f" `{FILE_SUFFIX}`" if variable + FILE_SUFFIX in known else ""
        lines.append(f"| `{variable}`{in_file} | {_meaning(variable, type_)} | {_shown_default(variable, default)} |")
    return "\n".join(lines) + "\n"


def _shown_default(variable: str, default: object) -> str:
    elsewhere = [f"`{given[variable]}` in {env}" for env, given in DEFAULTS.items() if variable in given]
    return "; ".join(([] if default is None else [f"`{default}`"]) + elsewhere)


def _fields(of: type[Struct], prefix: str) -> Iterator[tuple[str, Any, Any]]:
    hints = get_type_hints(of, include_extras=True)
    for field in msgspec.structs.fields(of):
        type_ = hints[field.name]
        if isinstance(type_, type) and issubclass(type_, Struct):
            yield from _fields(type_, f"{prefix}{field.name.upper()}_")
        else:
            yield f"{prefix}{field.name.upper()}", type_, field.default


def _meaning(variable: str, type_: Any) -> str:
    """What a setting says of itself; a type that several share, like `Bind`, may say something before that."""
    notes = get_args(type_)[1:] if get_origin(type_) is Annotated else ()
    said = [each.description for each in notes if isinstance(each, Meta) and each.description]
    if not said:
        raise ValueError(f"{variable} has no description; give it one in headrace.settings")
    return said[-1]


def kinds() -> str:
    """The schemas of the kinds in `consumers`, which the forms of the web app are tested with."""
    described = {each.name: each.describe() for each in (table_profile, text_feedback)}
    schemas = {
        name: {"input_schema": each.input_schema, "result_schema": each.result_schema}
        for name, each in described.items()
    }
    return msgspec.json.format(msgspec.json.encode(schemas), indent=2).decode() + "\n"


def kinds_in_typescript() -> str:
    """The types of kinds in TypeScript, which the TypeScript client is checked with."""
    return write_types(describe_kinds("tests.kinds.plain") + describe_kinds("consumers"))


FILES = {
    **{ROOT / f"frontend/src/api/{name}.json": partial(openapi, name) for name in DOCUMENTS},
    **{file_of(screen): partial(golden, screen) for screen in SCREENS},
    ROOT / "frontend/src/schema/testing/kinds.json": kinds,
    ROOT / "frontend/client/test/kinds.ts": kinds_in_typescript,
    ROOT / "frontend/src/member/task/testing/attempts.json": attempt_examples,
    ROOT / "docs/settings.md": settings,
    ROOT / "docs/access.md": access,
    ROOT / "docs/nats-accounts.conf": accounts_file,
    ROOT / "charts/headrace/pairing/nats-accounts.conf": chart_accounts_file,
    ROOT / "docs/invariants.md": invariants.as_markdown,
    ROOT / "docs/benchmarks.md": benchmarks.page,
    ROOT / "README.md": benchmarks.readme,
    **CHART_FILES,
    # What the chart renders from the files above.
    **RENDERED_FILES,
}


def main() -> None:
    stale: list[str] = []
    for path, make in FILES.items():
        made = make()
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made)
        elif not path.exists() or path.read_text() != made:
            stale.append(str(path.relative_to(ROOT)))
    if stale:
        sys.exit(f"not as the code says: {', '.join(stale)}; run `just openapi` and commit what changes")


if __name__ == "__main__":
    main()
