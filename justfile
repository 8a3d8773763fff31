# Everything a developer runs. `uv run just` lists it.

# Where Python is told to keep no bytecode, each of the hundreds of processes that tests start would compile all it imports.
export PYTHONDONTWRITEBYTECODE := ""

_default:
    @just --list --unsorted

# NATS, Postgres, api, worker and projector on this machine
up *arguments:
    uv run headrace up {{arguments}}

# The same with debug logs and a home of its own in this checkout
dev *arguments:
    HEADRACE_LOG_LEVEL=debug uv run headrace up --home .headrace {{arguments}}

# Format, lint, types, import contracts, the shape of the code, drift of generated files
check:
    uv lock --check
    uv run ruff format --check .
    uv run ruff check .
    uv run basedpyright
    uv run lint-imports
    uv run python -m tests.structure
    uv run python -m tests.generated --check
    uv run python -m tests.web.npm check

# All tests but the slow ones, three at a time; with arguments, those of Python that they name
test *arguments:
    {{ if arguments == "" { "uv run python -m tests.web.npm test" } else { "" } }}
    {{ if arguments == "" { "uv run python -m headrace.embedded.web_app" } else { "" } }}
    uv run pytest --numprocesses 3 --dist worksteal {{arguments}}

# The tests that take ten seconds or more, and all examples of what is tried with generated ones
slow *arguments:
    uv run pytest -m "slow or hypothesis" --hypothesis-profile many {{arguments}}

# The tests of the chart: lint, render, schemas, policies
chart *arguments:
    uv run pytest -m "chart and not slow" --numprocesses 3 --dist worksteal {{ if arguments == "" { "tests/chart" } else { arguments } }}

# The chart in a cluster whose API server HEADRACE_KUBE_SERVER names, with the token HEADRACE_KUBE_TOKEN
kube *arguments:
    uv run pytest -m chart tests/chart/test_kube.py {{arguments}}

# The web app from its sources, with changes shown at once, before the API that runs; --mock: on golden examples, without an API
web *arguments:
    uv run python -m tests.web.npm web {{arguments}}

# The pictures in docs/screens, taken at a `headrace up` of their own; they are smaller with ImageMagick
screens *arguments:
    uv run pytest -m screens {{arguments}}

# The benchmark: a table, and JSON in tests/bench/out; `bench peers` stands beside other queues
bench *arguments:
    uv run python -m tests.bench {{arguments}}

# Everything that can go wrong, under load, with five new seeds: a table, and journals in tests/faults/out
faults *arguments:
    uv run python -m tests.faults {{arguments}}

# From the version before to this one under load and back, a process after the other, and to a made-up next one; --from COMMIT for an older one
upgrade *arguments:
    uv run python -m tests.upgrade {{arguments}}

# Three NATS servers on hosts of their own, cut apart under load: a table, and journals in tests/quorum/out; wants root
cluster *arguments:
    uv run python -m tests.quorum {{arguments}}

# Bring the database that HEADRACE_DATABASE_URL names up to date
migrate:
    uv run headrace migrate

# Write the generated files: the OpenAPI document, the settings table, the tests of the invariants, the values of the chart and what it renders
openapi:
    uv run python -m tests.generated
