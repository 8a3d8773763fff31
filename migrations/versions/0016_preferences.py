"""How accounts want to see things, the labels of batches, and the index that finds the latest tasks of a schedule."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSON

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # An older version that still adds accounts and batches knows neither column.
    op.add_column("users", sa.Column("preferences", JSON))
    op.add_column("batches", sa.Column("labels", ARRAY(sa.Text), nullable=False, server_default="{}"))
    op.create_index(
        "tasks_of_schedule",
        "tasks",
        ["schedule", "created_at", "id"],
        postgresql_where=sa.text("schedule IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("tasks_of_schedule", "tasks")
    op.drop_column("batches", "labels")
    op.drop_column("users", "preferences")
