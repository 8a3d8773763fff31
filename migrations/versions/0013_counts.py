"""How many tasks each owner has in each state, and how many failed alike in each hour. The projector counts once what is there."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Rows are written again with each page. With room beside them, no index is touched for that.
ROOM = {"fillfactor": 50}


def upgrade() -> None:
    op.create_table(
        "counts",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, primary_key=True),
        sa.Column("n", sa.Integer, nullable=False),
        postgresql_with=ROOM,
    )
    op.create_index(
        "counts_open", "counts", ["state", "owner"], postgresql_where=sa.text("state IN ('queued', 'running')")
    )
    op.create_table(
        "failures",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("hour", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
        postgresql_with=ROOM,
    )
    op.create_index("failures_by_hour", "failures", ["owner", "hour"])
    op.create_index("failures_alike", "failures", ["fingerprint", "owner"])
    failed = sa.text("state = 'failed' AND fingerprint IS NOT NULL")
    op.create_index(
        "tasks_failed_alike", "tasks", ["fingerprint", "owner", "finished_at", "id"], postgresql_where=failed
    )
    op.create_index("tasks_failed_alike_of_all", "tasks", ["fingerprint", "finished_at", "id"], postgresql_where=failed)


def downgrade() -> None:
    op.drop_index("tasks_failed_alike_of_all", "tasks")
    op.drop_index("tasks_failed_alike", "tasks")
    op.drop_table("failures")
    op.drop_table("counts")
