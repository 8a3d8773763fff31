"""The tasks of a batch by how long they ran, for its page. A task is in it once, when it has ended."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "tasks_of_batch_by_run",
        "tasks",
        ["batch", "run_seconds", "id"],
        postgresql_where=sa.text("batch IS NOT NULL AND run_seconds IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("tasks_of_batch_by_run", "tasks")
