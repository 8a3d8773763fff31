"""The audit: entries are added and read, and the database refuses to change them, whoever asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from headrace.api.identity_database import IdentityDatabase
from headrace.store.audit import AuditFilter, add_entries, list_entries, remove_entries
from headrace.store.outages import cause_of
from headrace.store.users import insert_user
from tests.unit.store.identity_rows import NOW, SECOND, make_entry, make_user, new_id

EVIL = "SET LOCAL search_path = evil, pg_catalog, public; SET LOCAL headrace.trims_audit = 'yes'; DELETE FROM audit"


async def run(database: IdentityDatabase, statements: str) -> None:
    async with database.transaction() as session:
        for each in statements.split("; "):
            await session.execute(text(each))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'somebody else'",
        "UPDATE audit SET actor = actor WHERE false",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "TRUNCATE users, audit CASCADE",
        "INSERT INTO audit SELECT * FROM audit ON CONFLICT (id) DO UPDATE SET actor = 'somebody else'",
        "SET LOCAL session_replication_role = replica; DELETE FROM audit",
        "MERGE INTO audit a USING audit b ON a.id = b.id WHEN MATCHED THEN DELETE",
        # Whoever says that it trims the audit can only remove what is old.
        "SET LOCAL headrace.trims_audit = 'yes'; DELETE FROM audit",
        "SET LOCAL headrace.trims_audit = 'yes'; SET LOCAL session_replication_role = replica; DELETE FROM audit",
        # It cannot bring another time or another operator for the triggers to find either.
        f"CREATE SCHEMA evil; CREATE FUNCTION evil.now() RETURNS timestamptz RETURN timestamptz '2999-01-01'; {EVIL}",
        (
            "CREATE SCHEMA evil; CREATE FUNCTION evil.never(timestamptz, timestamptz) RETURNS boolean RETURN false; "
            f"CREATE OPERATOR evil.>= (FUNCTION = evil.never, LEFTARG = timestamptz, RIGHTARG = timestamptz); {EVIL}"
        ),
        "SET LOCAL headrace.trims_audit = 'yes'; UPDATE audit SET at = at - interval '1 year'",
        "SET LOCAL headrace.trims_audit = 'yes'; TRUNCATE audit",
    ],
)
async def test_entries_of_the_audit_are_not_changed_or_deleted_even_by_the_owner_of_the_database(
    database: IdentityDatabase, statement: str
) -> None:
    entry = make_entry(actor=new_id(), at=datetime.now(UTC) - timedelta(days=29))
    async with database.transaction() as session:
        await add_entries(session, [entry])
    with pytest.raises(DBAPIError) as refused:
        await run(database, statement)
    assert isinstance(cause_of(refused.value), asyncpg.InsufficientPrivilegeError)
    async with database.transaction() as session:
        entries, _ = await list_entries(session, AuditFilter(actor=entry.actor), None, 10)
    assert [each.id for each in entries] == [entry.id]


async def test_entries_have_the_names_of_the_users_that_there_are(database: IdentityDatabase) -> None:
    ada, program = make_user(email=f"{new_id()}@example.com"), make_user(email=None, display_name="Nightly")
    async with database.transaction() as session:
        await insert_user(session, ada)
        await insert_user(session, program)
        await add_entries(
            session, [make_entry(actor=ada.id, subject=program.id), make_entry(actor=None, subject=ada.id)]
        )
        await add_entries(session, [make_entry(actor=ada.id, subject=new_id())])
        for wanted, names in (
            (AuditFilter(actor=ada.id), {(ada.email, "Nightly"), (ada.email, None)}),
            (AuditFilter(subject=ada.id), {(None, ada.email)}),
        ):
            entries, _ = await list_entries(session, wanted, None, 10)
            assert {(each.actor_name, each.subject_name) for each in entries} == names


async def test_only_entries_from_before_the_retention_are_removed_and_the_rest_is_kept_again_at_once(
    database: IdentityDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor, now = new_id(), datetime.now(UTC)
    made = [make_entry(actor=actor, at=now - timedelta(days=days)) for days in (5, 31, 400, 401, 402)]
    async with database.transaction() as session:
        await add_entries(session, made)
    monkeypatch.setattr("headrace.store.audit.TRIMMED_ROWS", 2)
    removed = 2
    while removed == 2:
        async with database.transaction() as session:
            removed = await remove_entries(session, now - timedelta(days=400))
    monkeypatch.undo()
    with pytest.raises(DBAPIError, match="kept for 30 days at least"):
        async with database.transaction() as session:
            await remove_entries(session, now)
    async with database.transaction() as session:
        await remove_entries(session, now - timedelta(days=400))
        with pytest.raises(DBAPIError, match="never changed or deleted"):
            await session.execute(text("DELETE FROM audit WHERE at < now() - interval '31 days'"))
    async with database.transaction() as session:
        entries, _ = await list_entries(session, AuditFilter(actor=actor), None, 10)
    assert [each.id for each in entries] == [entry.id for entry in made[:3]]


async def test_the_audit_is_read_from_the_newest_entry_on_by_who_what_on_whom_and_when(
    database: IdentityDatabase,
) -> None:
    actor = new_id()
    made = [make_entry(actor=actor, at=NOW + n * SECOND, subject=f"{actor}-{n % 2}", action=f"a.{n}") for n in range(5)]
    async with database.transaction() as session:
        await add_entries(session, made)
        await add_entries(session, [])

        async def numbers(**wanted: object) -> list[int]:
            entries, _ = await list_entries(session, AuditFilter(**{"actor": actor, **wanted}), None, 10)  # pyright: ignore[reportArgumentType]
            return [int(entry.action[2:]) for entry in entries]

        assert await numbers() == [4, 3, 2, 1, 0]
        assert await numbers(subject=f"{actor}-1") == [3, 1]
        assert await numbers(action="a.2") == [2]
        assert await numbers(since=NOW + SECOND, before=NOW + 3 * SECOND) == [2, 1]
        first, after = await list_entries(session, AuditFilter(actor=actor), None, 2)
        second, _ = await list_entries(session, AuditFilter(actor=actor), after, 3)
    assert [entry.id for entry in first + second] == [entry.id for entry in reversed(made)]
