"""Indexes for the search of what is older than the retention of its kind, see `headrace.store.retention`."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "tasks_by_finish", "tasks", ["kind", "finished_at"], postgresql_where=sa.text("finished_at IS NOT NULL")
    )
    op.create_index(
        "batches_by_settling", "batches", ["kind", "settled_at"], postgresql_where=sa.text("state = 'settled'")
    )
    op.create_index("activity_of_kind", "activity", ["kind", "at"])


def downgrade() -> None:
    op.drop_index("activity_of_kind", "activity")
    op.drop_index("batches_by_settling", "batches")
    op.drop_index("tasks_by_finish", "tasks")
