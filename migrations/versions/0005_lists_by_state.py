"""A column for the code of a failure, and indexes that serve every filter of a list in the order of the list."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BY_AGE = ["state", "created_at", "id"]
NEWEST = [sa.text("created_at DESC"), sa.text("id DESC")]
# An error was always written with its code first. Postgres cannot read JSON that has a NUL in a string, so this reads text.
BACKFILL = """UPDATE tasks SET code = substring(error::text FROM '^\\s*\\{\\s*"code"\\s*:\\s*"([a-z_]+)"') WHERE error IS NOT NULL"""


def upgrade() -> None:
    op.add_column("tasks", sa.Column("code", sa.Text))
    op.execute(BACKFILL)
    for index in ("tasks_newest", "tasks_newest_of_kind", "tasks_failed", "tasks_of_batch"):
        op.drop_index(index, "tasks")
    op.create_index("tasks_by_age", "tasks", ["owner", *BY_AGE])
    op.create_index("tasks_of_kind_by_age", "tasks", ["owner", "kind", *BY_AGE])
    op.create_index(
        "tasks_of_batch_by_age", "tasks", ["owner", "batch", *BY_AGE], postgresql_where=sa.text("batch IS NOT NULL")
    )
    op.create_index(
        "tasks_with_code_by_age", "tasks", ["owner", "code", *BY_AGE], postgresql_where=sa.text("code IS NOT NULL")
    )
    op.create_index(
        "tasks_finished", "tasks", ["owner", "finished_at"], postgresql_where=sa.text("finished_at IS NOT NULL")
    )
    op.drop_index("batches_newest", "batches")
    op.create_index("batches_by_age", "batches", ["owner", *BY_AGE])
    op.create_index("batches_of_kind_by_age", "batches", ["owner", "kind", *BY_AGE])


def downgrade() -> None:
    op.drop_index("batches_of_kind_by_age", "batches")
    op.drop_index("batches_by_age", "batches")
    op.create_index("batches_newest", "batches", ["owner", *NEWEST])
    for index in (
        "tasks_finished",
        "tasks_with_code_by_age",
        "tasks_of_batch_by_age",
        "tasks_of_kind_by_age",
        "tasks_by_age",
    ):
        op.drop_index(index, "tasks")
    op.create_index("tasks_of_batch", "tasks", ["batch"], postgresql_where=sa.text("batch IS NOT NULL"))
    op.create_index("tasks_failed", "tasks", ["owner", *NEWEST], postgresql_where=sa.text("state = 'failed'"))
    op.create_index("tasks_newest_of_kind", "tasks", ["owner", "kind", *NEWEST])
    op.create_index("tasks_newest", "tasks", ["owner", *NEWEST])
    op.drop_column("tasks", "code")
