"""What a migration may do, so that the version before works on with the database: expand now, contract a version later.

Each statement is either one of those that are known to be harmless, or refused with a sentence that says what to do instead. What
nobody has thought of is refused, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from types import ModuleType

from alembic.migration import MigrationContext
from alembic.operations import Operations
from msgspec import Struct

BASELINE = "0020"
"""Up to this revision migrations are exempt: 0.1.0 is the first release, so nobody runs them on a database that is in use."""

_NAME = r'"?(\w+)"?'
_ADD_COLUMN = re.compile(rf"ADD COLUMN (IF NOT EXISTS )?{_NAME} (?P<definition>.*)", re.IGNORECASE | re.DOTALL)
_CONSTANT = re.compile(r"DEFAULT ('[^']*'(::\w+(\[\])?)?|-?\d+(\.\d+)?|true|false|NULL)(?=\s|$)", re.IGNORECASE)

_HARMLESS = (
    *(r"BEGIN", r"COMMIT", r"SET lock_timeout ", r"COMMENT ON "),
    *(r"CREATE TABLE ", r"CREATE FUNCTION ", r"CREATE (UNIQUE )?INDEX CONCURRENTLY "),
    # What an interrupted migration has left, see `create_index_concurrently`.
    r"DROP INDEX CONCURRENTLY IF EXISTS ",
)
_HARMLESS_CHANGE = (
    *(r"ADD CONSTRAINT .* NOT VALID$", r"ADD CONSTRAINT .* USING INDEX ", r"VALIDATE CONSTRAINT "),
    *(r"ALTER COLUMN \S+ SET DEFAULT ", r"ALTER COLUMN \S+ DROP NOT NULL$", r"SET \("),
)
# A contraction may do these: what they take away belongs to a version that nobody runs beside it.
_TAKES_AWAY = (
    *(r"DROP TABLE ", r"DROP FUNCTION ", r"DROP TRIGGER ", r"DROP INDEX CONCURRENTLY "),
    r"ALTER TABLE \S+ (DROP COLUMN|DROP CONSTRAINT|ALTER COLUMN \S+ DROP DEFAULT)",
)
_REFUSED = {
    r".*\bRENAME\b": "a rename leaves the version before without the old name; add the new one, and drop the old a version later",
    r"(UPDATE|DELETE|TRUNCATE|INSERT)\b": "rows are changed by the projector, a few in a transaction, and not by a migration",
    r"CREATE (UNIQUE )?INDEX ": "an index locks out who writes; make it with create_index_concurrently",
    r"DROP INDEX ": "dropping an index locks out who reads; use postgresql_concurrently",
    r"ALTER TABLE \S+ ADD COLUMN": "the version before writes rows without the column; give it a constant default, or let it be NULL",
    r"ALTER TABLE \S+ ALTER COLUMN \S+ TYPE": "another type writes the whole table anew while it is locked; add another column",
    r"ALTER TABLE \S+ ALTER COLUMN \S+ SET NOT NULL": "this reads the whole table while it is locked; add a CHECK that is NOT VALID",
    r"ALTER TABLE \S+ ADD": "a constraint reads the whole table while it is locked; add it NOT VALID, and validate it in a later one",
    r"CREATE OR REPLACE": "the version before uses what is replaced; give the new one another name",
}
_UNKNOWN = "nobody has said of this statement that it neither locks nor takes away; if it does not, add it to the rules"


class Step(Struct, frozen=True):
    """A statement that a migration may not have.

    Attributes:
        statement: Its first words.
        why: Why not, and what to do instead.
    """

    statement: str
    why: str


def statements(migration: ModuleType) -> list[str]:
    """Return what a migration has Postgres do, without doing it."""
    written = _Written()
    options = {"as_sql": True, "output_buffer": written, "transaction_per_migration": True}
    context = MigrationContext.configure(dialect_name="postgresql", opts=options)
    with Operations.context(context), context.begin_transaction(_per_migration=True):
        migration.upgrade()
    return [" ".join(each.rstrip().rstrip(";").split()) for each in written.texts if each.strip()]


def refused(steps: Sequence[str], *, is_contraction: bool) -> Iterator[Step]:
    """Yield the statements of a migration that it may not have."""
    made: set[str] = set()
    for step in steps:
        if created := re.match(rf"CREATE TABLE (IF NOT EXISTS )?{_NAME}", step, re.IGNORECASE):
            made.add(created[2])
        if not _touches(step, made) and (why := _why_not(step, is_contraction=is_contraction)) is not None:
            yield Step(step[:90], why)
    if any("CONCURRENTLY" in step for step in steps) and not _are_concurrent(steps):
        yield Step(
            "CONCURRENTLY",
            "a migration that is interrupted runs again from its beginning; this one needs its own migration",
        )


def _why_not(step: str, *, is_contraction: bool) -> str | None:
    if _any(_HARMLESS, step) or _is_harmless_change(step):
        return None
    if _any(_TAKES_AWAY, step):
        return (
            None
            if is_contraction
            else "the version before uses it; drop it a minor version after nothing uses it any more"
        )
    return next((why for pattern, why in _REFUSED.items() if _any((pattern,), step)), _UNKNOWN)


def _is_harmless_change(step: str) -> bool:
    change = re.match(rf"ALTER TABLE (IF EXISTS )?(ONLY )?{_NAME} (?P<change>.*)", step, re.IGNORECASE)
    if change is None:
        return False
    added = _ADD_COLUMN.fullmatch(change["change"])
    return _is_harmless_column(added["definition"]) if added else _any(_HARMLESS_CHANGE, change["change"])


def _is_harmless_column(definition: str) -> bool:
    """Whether no row is written and no writer is refused: it has a constant default, or neither a default nor a constraint."""
    rest, has_constant = _CONSTANT.subn("", definition)
    demands = re.search(
        r"\b(DEFAULT|GENERATED|SERIAL|BIGSERIAL|UNIQUE|PRIMARY|REFERENCES|CHECK)\b", rest, re.IGNORECASE
    )
    return demands is None and (bool(has_constant) or "NOT NULL" not in rest.upper())


def _touches(step: str, made: set[str]) -> bool:
    """Whether a statement is about a table that its migration has made, which nobody uses yet."""
    target = re.match(
        rf"(ALTER TABLE|INSERT INTO|CREATE (UNIQUE )?INDEX \w+ ON|CREATE TRIGGER .*? ON) {_NAME}", step, re.IGNORECASE
    )
    return target is not None and target[3] in made


def _are_concurrent(steps: Sequence[str]) -> bool:
    return all(_any((r"BEGIN", r"COMMIT", r"SET lock_timeout ", r".* CONCURRENTLY "), step) for step in steps)


def _any(patterns: Sequence[str], step: str) -> bool:
    return any(re.match(pattern, step, re.IGNORECASE) for pattern in patterns)


class _Written:
    """Takes the statements of Alembic, one at a time."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, text: str) -> None:
        """Take a statement."""
        self.texts.append(text)

    def flush(self) -> None:
        """There is nothing to flush."""
