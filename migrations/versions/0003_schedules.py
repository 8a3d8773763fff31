"""Schedules: one row each."""

import sqlalchemy as sa
from alembic import op

from headrace.store.columns import Instant, RawJson

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("definition", RawJson, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.Column("announced_at", Instant),
        sa.Column("last_at", Instant),
        sa.Column("last_task", sa.Text),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_schedules"),
    )
    op.create_index("schedules_oldest", "schedules", ["owner", "created_at", "id"])


def downgrade() -> None:
    op.drop_table("schedules")
