"""How much happened in each minute, by owner and kind: counts, and histograms of how long tasks waited and ran."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COUNTS = ("accepted", "started", "retried", "succeeded", "failed", "cancelled")
BUCKETS = 22
COUNTERS = (*COUNTS, *(f"wait_{n}" for n in range(BUCKETS)), *(f"run_{n}" for n in range(BUCKETS)))


def upgrade() -> None:
    op.create_table(
        "activity",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("minutes", sa.Integer, primary_key=True),
        *(sa.Column(counter, sa.Integer, nullable=False) for counter in COUNTERS),
        # The rows of the current minute are written again with each page. With room beside them, no index is touched for that.
        postgresql_with={"fillfactor": 50},
    )
    op.create_index("activity_by_time", "activity", ["minutes", "at"])


def downgrade() -> None:
    op.drop_table("activity")
