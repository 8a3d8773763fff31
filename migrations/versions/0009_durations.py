"""How long a task waited and ran. Both are null for tasks whose events do not say it, as for all that ended before."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


INDEXES = (
    ("tasks_by_run", ["owner"], "run_seconds"),
    ("tasks_of_kind_by_run", ["owner", "kind"], "run_seconds"),
    ("tasks_by_wait", ["owner"], "wait_seconds"),
    ("tasks_of_kind_by_wait", ["owner", "kind"], "wait_seconds"),
)


def upgrade() -> None:
    op.add_column("tasks", sa.Column("wait_seconds", sa.Double))
    op.add_column("tasks", sa.Column("run_seconds", sa.Double))
    for name, columns, duration in INDEXES:
        has_one = sa.text(f"{duration} IS NOT NULL")
        op.create_index(name, "tasks", [*columns, "state", duration, "id"], postgresql_where=has_one)


def downgrade() -> None:
    for name, _, _ in INDEXES:
        op.drop_index(name, "tasks")
    op.drop_column("tasks", "run_seconds")
    op.drop_column("tasks", "wait_seconds")
