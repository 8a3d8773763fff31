"""Migrations expand, and contract a version later; the version before works on with what they leave."""

from __future__ import annotations

import asyncio
import re
import shutil
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType

import asyncpg
import pytest
import sqlalchemy as sa
from alembic import op
from alembic.script import Script, ScriptDirectory

from headrace.settings import DatabaseSettings
from headrace.store import migrate as migrating
from headrace.store.concurrent_index import create_index_concurrently
from headrace.store.migrate import alembic_config, migrate
from headrace.store.revision import migrations, revisions
from tests.upgrade.migration_rules import BASELINE, refused, statements
from tests.upgrade.versions import ROOT
from tests.waiting import until

PAGE = (ROOT / "docs/upgrading.md").read_text()
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def scripts() -> list[Script]:
    """The migrations that the rules are for, the oldest first."""
    every = reversed([*ScriptDirectory.from_config(alembic_config(DatabaseSettings())).walk_revisions()])
    return [each for each in every if each.revision > BASELINE]


def versions() -> dict[str, range]:
    """The versions of the page with the revisions that each has brought, the newest first."""
    rows = re.findall(r"^\| (\d+\.\d+\.\d+) \| (\d{4}) to (\d{4}) \|", PAGE, re.MULTILINE)
    return {version: range(int(first), int(last) + 1) for version, first, last in rows}


def version_of(revision: str) -> str:
    """The version that has brought a revision."""
    (found,) = [version for version, its in versions().items() if int(revision) in its]
    return found


def minor(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")[:2]))


def of(*steps: Callable[[], object]) -> list[str]:
    """What a migration of these steps does."""
    migration = ModuleType("migration")
    migration.__dict__["upgrade"] = lambda: [step() for step in steps]
    return statements(migration)


def test_every_migration_expands_or_contracts_what_an_earlier_version_has_expanded() -> None:
    for script in scripts():
        expansion = getattr(script.module, "contraction_of", None)
        found = [*refused(statements(script.module), is_contraction=expansion is not None)]
        assert found == [], f"{script.path}: {found}"
        if expansion is not None:
            assert minor(version_of(expansion)) < minor(version_of(script.revision)), (
                f"{script.path} takes away what {expansion} of the same minor version has made superfluous: wait for the next"
            )


def test_the_rules_see_what_the_migrations_before_them_do() -> None:
    every = ScriptDirectory.from_config(alembic_config(DatabaseSettings())).walk_revisions()
    found = {each.revision: [*refused(statements(each.module), is_contraction=False)] for each in every}
    # Those that make an index of a table in use, drop something, or change rows; not those that make tables or add columns.
    assert {revision for revision, steps in found.items() if steps and revision <= BASELINE} == {
        *("0002", "0005", "0007", "0009", "0011", "0012", "0013", "0014", "0015", "0016", "0017", "0018", "0019")
    }


def test_the_page_says_which_version_has_brought_each_migration() -> None:
    listed = [number for its in reversed(versions().values()) for number in its]
    assert [f"{number:04}" for number in listed] == [*revisions()]
    assert next(iter(versions())) == VERSION


@pytest.mark.parametrize(
    "step",
    [
        lambda: op.add_column("tasks", sa.Column("colour", sa.Text)),
        lambda: op.add_column("tasks", sa.Column("colour", sa.Text, nullable=False, server_default="")),
        lambda: op.add_column("tasks", sa.Column("size", sa.BigInteger, nullable=False, server_default="0")),
        lambda: op.add_column("tasks", sa.Column("is_new", sa.Boolean, nullable=False, server_default=sa.true())),
        lambda: op.create_table("colours", sa.Column("id", sa.Text, primary_key=True)),
        lambda: op.create_check_constraint("sized", "tasks", "size > 0", postgresql_not_valid=True),
        lambda: op.execute("ALTER TABLE tasks VALIDATE CONSTRAINT sized"),
        lambda: op.alter_column("tasks", "colour", server_default="red"),
        lambda: create_index_concurrently("tasks_by_colour", "tasks", ["colour"]),
    ],
)
def test_an_expansion_is_taken(step: Callable[[], object]) -> None:
    assert [*refused(of(step), is_contraction=False)] == []


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (lambda: op.drop_table("files"), "the version before uses it"),
        (lambda: op.drop_column("tasks", "title"), "the version before uses it"),
        (lambda: op.drop_constraint("tasks_pkey", "tasks"), "the version before uses it"),
        (lambda: op.drop_index("a", "tasks", postgresql_concurrently=True), "the version before uses it"),
        (lambda: op.drop_index("a", "tasks"), "locks out who reads"),
        (lambda: op.rename_table("tasks", "jobs"), "a rename leaves the version before"),
        (lambda: op.alter_column("tasks", "title", new_column_name="name"), "a rename leaves the version before"),
        (lambda: op.add_column("tasks", sa.Column("colour", sa.Text, nullable=False)), "a constant default"),
        (
            lambda: op.add_column("tasks", sa.Column("key", sa.Uuid, server_default=sa.func.gen_random_uuid())),
            "a constant default",
        ),
        (lambda: op.add_column("tasks", sa.Column("n", sa.Integer, sa.Computed("1 + 1"))), "a constant default"),
        (lambda: op.alter_column("tasks", "attempt", type_=sa.BigInteger), "another type"),
        (lambda: op.alter_column("tasks", "title", nullable=False), "reads the whole table"),
        (lambda: op.create_index("a", "tasks", ["title"]), "create_index_concurrently"),
        (lambda: op.create_index("a", "tasks", ["title"], unique=True), "create_index_concurrently"),
        (lambda: op.create_check_constraint("a", "tasks", "attempt > 0"), "add it NOT VALID"),
        (lambda: op.create_foreign_key("a", "tasks", "batches", ["batch"], ["id"]), "add it NOT VALID"),
        (lambda: op.create_unique_constraint("a", "tasks", ["title"]), "add it NOT VALID"),
        (lambda: op.execute("UPDATE tasks SET title = id"), "by the projector"),
        (lambda: op.execute("DELETE FROM tasks"), "by the projector"),
        (lambda: op.execute("CREATE OR REPLACE FUNCTION a() RETURNS int LANGUAGE sql AS 'SELECT 1'"), "another name"),
        (lambda: op.execute("LOCK TABLE tasks"), "nobody has said"),
        (lambda: op.execute("VACUUM FULL tasks"), "nobody has said"),
    ],
)
def test_what_would_stop_the_version_before_is_refused_with_what_to_do(step: Callable[[], object], says: str) -> None:
    (found,) = refused(of(step), is_contraction=False)
    assert says in found.why


def test_a_contraction_may_take_away_but_neither_rename_nor_lock() -> None:
    taken = of(lambda: op.drop_column("tasks", "title"), lambda: op.drop_table("files"))
    assert [*refused(taken, is_contraction=True)] == []
    (found,) = refused(of(lambda: op.rename_table("tasks", "jobs")), is_contraction=True)
    assert "rename" in found.why
    (found,) = refused(of(lambda: op.create_index("a", "tasks", ["title"])), is_contraction=True)
    assert "create_index_concurrently" in found.why


def test_what_is_done_to_a_table_of_the_same_migration_is_nobodys_business() -> None:
    steps = of(
        lambda: op.create_table("colours", sa.Column("id", sa.Text, primary_key=True)),
        lambda: op.create_index("colours_by_id", "colours", ["id"]),
        lambda: op.execute("INSERT INTO colours VALUES ('red')"),
    )
    assert [*refused(steps, is_contraction=False)] == []


def test_an_index_that_is_made_concurrently_has_a_migration_of_its_own() -> None:
    steps = of(
        lambda: op.add_column("tasks", sa.Column("colour", sa.Text)),
        lambda: create_index_concurrently("tasks_by_colour", "tasks", ["colour"]),
    )
    (found,) = refused(steps, is_contraction=False)
    assert "its own migration" in found.why


async def test_the_migration_that_the_page_shows_makes_its_index_while_others_read_and_write(
    make_database: Callable[[], Awaitable[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    place = tmp_path / "migrations"
    shutil.copytree(migrations(), place)
    (place / "versions/9000_shown.py").write_text(
        code.replace('"0022"', '"9000"').replace('"0021"', f'"{revisions()[-1]}"')
    )
    monkeypatch.setattr(migrating, "migrations", lambda: place)
    settings = DatabaseSettings(url=await make_database())
    holder, other = [await asyncpg.connect(settings.url) for _ in range(2)]
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("LOCK TABLE tasks IN ROW EXCLUSIVE MODE")
    running = asyncio.create_task(asyncio.to_thread(migrate, settings))

    async def is_waiting() -> bool:
        progress = "SELECT count(*) FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for writers%'"
        return await other.fetchval(progress) == 1

    await until(is_waiting, "the index to wait for the open transaction")
    await other.execute("UPDATE tasks SET title = ''")
    await transaction.commit()
    assert await running is None
    assert await other.fetchval("SELECT version_num FROM alembic_version") == "9000"
    assert await other.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = 'tasks_by_colour'::regclass")
    for each in (holder, other):
        await each.close()
