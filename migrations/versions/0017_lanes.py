"""What stands before a task in the lane in which it waits."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "tasks_in_lane", "tasks", ["kind", "priority", "queued_at"], postgresql_where=sa.text("state = 'queued'")
    )


def downgrade() -> None:
    op.drop_index("tasks_in_lane", "tasks")
