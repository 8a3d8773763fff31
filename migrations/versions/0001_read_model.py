"""The read model: tasks, their timeline, and how far it has come."""

import sqlalchemy as sa
from alembic import op

from headrace.store.columns import Instant, RawJson

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("priority", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("batch", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("max_attempts", sa.Integer),
        sa.Column("input", RawJson, nullable=False),
        sa.Column("result", RawJson),
        sa.Column("error", RawJson),
        sa.Column("progress", RawJson),
        sa.Column("files", RawJson, nullable=False),
        sa.Column("due_at", Instant),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("started_at", Instant),
        sa.Column("finished_at", Instant),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
    )
    newest = [sa.text("created_at DESC"), sa.text("id DESC")]
    op.create_index("tasks_newest", "tasks", ["owner", *newest])
    op.create_index("tasks_newest_of_kind", "tasks", ["owner", "kind", *newest])
    op.create_index("tasks_failed", "tasks", ["owner", *newest], postgresql_where=sa.text("state = 'failed'"))
    op.create_index("tasks_of_batch", "tasks", ["batch"], postgresql_where=sa.text("batch IS NOT NULL"))
    op.create_table(
        "task_events",
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("data", RawJson, nullable=False),
        sa.PrimaryKeyConstraint("epoch", "sequence", name="pk_task_events"),
    )
    op.create_index("task_events_of_task", "task_events", ["task", "epoch", "sequence"])
    op.create_table(
        "projection",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_projection"),
    )


def downgrade() -> None:
    for table in ("projection", "task_events", "tasks"):
        op.drop_table(table)
