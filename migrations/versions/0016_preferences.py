"""How accounts want to see things, and the index that finds the latest tasks of a schedule."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # An older version that still adds accounts does not know the column.
    op.add_column("users", sa.Column("preferences", JSON))
    op.create_index(
        "tasks_of_schedule",
        "tasks",
        ["schedule", "created_at", "id"],
        postgresql_where=sa.text("schedule IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("tasks_of_schedule", "tasks")
    op.drop_column("users", "preferences")
