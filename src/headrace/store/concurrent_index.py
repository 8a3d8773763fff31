"""How a migration makes an index of a table that is in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alembic import op

LOCK_SECONDS = 5  # a statement of a migration waits so long for a table; whoever needs the table after it waits as long


def create_index_concurrently(name: str, table: str, columns: Sequence[Any], **options: Any) -> None:
    """Make an index while others read and write the table.

    It waits for every transaction that is open, however long that takes, and nobody waits for it. A migration that was interrupted
    leaves an index that is not valid; so what has the name is dropped first, and the migration can run again. It is the only step
    of its migration, because Postgres makes such an index outside of a transaction.

    Args:
        name: The name of the index.
        table: Its table.
        columns: Columns, or expressions.
        options: What `alembic.op.create_index` takes besides.
    """
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, **options)
        op.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
