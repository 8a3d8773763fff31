"""Failures that are alike: how many they are in all, when the last was, and of how many owners. The projector counts once what is there."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

EXPIRING = "expires_at IS NOT NULL AND state IN ('pending', 'queued')"
# Rows are written again with each page. With room beside them, no index is touched for that.
ROOM = {"fillfactor": 50}


def upgrade() -> None:
    op.create_table(
        "failure_groups",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("last_hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owners", sa.Integer, nullable=False),
        postgresql_with=ROOM,
    )
    op.create_index("failure_groups_newest", "failure_groups", ["owner", "last_hour", "fingerprint"])
    op.drop_index("failures_alike", "failures")
    # Few tasks have a time by which they have to be started, and only those that wait are in it.
    op.create_index("tasks_expiring_of_owner", "tasks", ["owner", "expires_at"], postgresql_where=sa.text(EXPIRING))


def downgrade() -> None:
    op.drop_index("tasks_expiring_of_owner", "tasks")
    op.create_index("failures_alike", "failures", ["fingerprint", "owner"])
    op.drop_table("failure_groups")
    op.execute("DELETE FROM projection WHERE name = 'groups'")
