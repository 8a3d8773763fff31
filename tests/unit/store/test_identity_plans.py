"""What is asked of Postgres for a credential, and for each list about identity, is served by an index: read from its own plans."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from headrace.contracts.identity import Role, UserState
from headrace.store import api_keys, audit, identity_sweep, one_time_tokens, recent_changes, sessions, users
from headrace.store.cursors import Cursor
from headrace.store.engine import sqlalchemy_url
from tests.unit.store.test_plans import _explain, assert_bounded, reads

USERS = 6000
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)  # a row was made each second from here on
PAGE = 50
RESET = one_time_tokens.Purpose.RESET
AT = f"timestamptz '{BEGIN.isoformat()}' + n * interval '1 second'"
SEEDS = (
    f"""INSERT INTO users (id, email, display_name, role, state, created_at)
        SELECT 'u' || n, 'u' || n || '@Example.com', 'U', CASE WHEN n % 300 = 7 THEN 'admin' ELSE 'member' END,
               CASE WHEN n % 150 = 3 THEN 'pending' ELSE 'active' END, {AT} FROM generate_series(1, {USERS}) n""",
    f"""INSERT INTO api_keys (id, owner, name, start, hash, scopes, created_at, expires_at)
        SELECT 'k' || n, 'u' || 1 + n / 3, 'k', 's', sha256(('k' || n)::bytea), '{{}}', {AT},
               CASE WHEN n % 500 = 0 THEN {AT} END FROM generate_series(1, 15000) n""",
    f"""INSERT INTO sessions (id, owner, generation, created_at, seen_at, expires_at, ends_at)
        SELECT 's' || n, 'u' || 1 + n / 3, 1, {AT}, {AT}, {AT}, {AT} - interval '1 hour'
        FROM generate_series(1, 15000) n""",
    f"""INSERT INTO refresh_tokens (hash, session, generation, issued_at)
        SELECT sha256(('s' || n)::bytea), 's' || 1 + n / 2, n % 2, {AT} FROM generate_series(1, 25000) n""",
    f"""INSERT INTO one_time_tokens (hash, purpose, owner, expires_at)
        SELECT sha256(('o' || n)::bytea), 'reset', 'u' || n, {AT} FROM generate_series(1, {USERS}) n""",
    f"""INSERT INTO audit (id, at, actor, action, subject, data)
        SELECT 'a' || n, {AT}, 'u' || n % 100, 'a.' || n % 50, 'u' || n % 200, '{{}}' FROM generate_series(1, 100000) n""",
)
CURSORS = (None, Cursor(BEGIN + timedelta(seconds=USERS // 2), "x"))
NOW = BEGIN + timedelta(seconds=14_000)


@pytest.fixture(scope="module")
async def seeded(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[AsyncEngine]:
    engine = create_async_engine(sqlalchemy_url(await make_database()))
    async with engine.begin() as connection:
        for seed in SEEDS:
            await connection.execute(text(seed))
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE"))
    yield engine
    await engine.dispose()


async def hash_of(engine: AsyncEngine, token: str) -> bytes:
    async with engine.connect() as connection:
        return (
            await connection.execute(text("SELECT sha256(CAST(:token AS text)::bytea)"), {"token": token})
        ).scalar_one()


async def test_a_credential_that_is_not_known_yet_costs_a_row_of_its_index_and_its_owner(seeded: AsyncEngine) -> None:
    key, token = await hash_of(seeded, "k7"), await hash_of(seeded, "s7")
    async with seeded.connect() as connection:
        # Its statement goes past SQLAlchemy.
        read = await _explain(connection, api_keys._FIND_BY_HASH, [[b"by a newer secret", key]])
        assert_bounded(read, 2, "key")
        found = await api_keys.find_key_by_hash(connection, [b"by a newer secret", key], BEGIN)
        assert found is not None
        assert found.key.id == "k7"
    for read in await reads(seeded, sessions.find_live_session, "s7", BEGIN):
        assert_bounded(read, 1, "session")
    longest = timedelta(days=1)
    given = ([b"by a newer secret", token], b"the next one", BEGIN)
    for read in await reads(seeded, sessions.rotate_refresh_token, *given, idle=longest, overlap=longest):
        assert_bounded(read, 4, "refresh token")
    for read in await reads(seeded, one_time_tokens.use_token, [b"other", await hash_of(seeded, "o7")], RESET, BEGIN):
        assert_bounded(read, 1, "one-time token")
    for read in await reads(seeded, users.find_by_email, "U7@example.COM"):
        assert_bounded(read, 1, "email")


async def test_a_list_about_identity_reads_little_more_than_a_page(seeded: AsyncEngine) -> None:
    for state, role, after in itertools.product((None, UserState.PENDING), (None, Role.ADMIN), CURSORS):
        for read in await reads(seeded, users.list_users, users.UserFilter(state, role), after, PAGE):
            assert_bounded(read, 2 * PAGE, (state, role, after))
    for read in await reads(seeded, users.lock_active_admins):
        assert_bounded(read, 2 * PAGE, "administrators")
    for read in await reads(seeded, api_keys.list_keys, "u7", None, PAGE):
        assert_bounded(read, PAGE, "keys")
    for read in await reads(seeded, sessions.list_live_sessions, "u7", BEGIN):
        assert_bounded(read, PAGE, "sessions")
    wanted = (audit.AuditFilter(actor="u7"), audit.AuditFilter(subject="u7"), audit.AuditFilter(action="a.7"))
    spans = audit.AuditFilter(), audit.AuditFilter(since=BEGIN, before=NOW)
    for which, after in itertools.product((*wanted, *spans), CURSORS):
        for read in await reads(seeded, audit.list_entries, which, after, PAGE):
            assert_bounded(read, 2 * PAGE, (which, after))


async def test_what_changed_lately_is_read_and_no_more(seeded: AsyncEngine) -> None:
    lately = BEGIN + timedelta(seconds=14_900)
    asked = (
        (recent_changes.list_revoked_keys, (lately,)),
        (recent_changes.list_ended_sessions, (lately, lately)),
        (recent_changes.list_changed_users, (lately,)),
    )
    for ask, given in asked:
        for read in await reads(seeded, ask, *given):
            assert_bounded(read, 2 * PAGE, ask.__name__)


async def test_a_sweep_reads_what_it_removes(seeded: AsyncEngine) -> None:
    ended = 100  # of each table
    read = await reads(seeded, identity_sweep.sweep_ended, BEGIN + timedelta(seconds=ended))
    for each in read:
        # A row that is removed is looked up once more.
        assert_bounded(each, 3 * ended, "sweep")
