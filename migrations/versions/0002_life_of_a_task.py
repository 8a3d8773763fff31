"""What the projector needs to end or queue again a task that nobody started: when it waits since, and until when."""

import sqlalchemy as sa
from alembic import op

from headrace.store.columns import Instant, RawJson

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tasks", sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("tasks", sa.Column("queued_at", Instant))
    op.add_column("tasks", sa.Column("expires_at", Instant))
    op.add_column("tasks", sa.Column("headers", RawJson, nullable=False, server_default="{}"))
    op.create_index("tasks_due", "tasks", ["due_at"], postgresql_where=sa.text("state = 'pending'"))
    op.create_index(
        "tasks_expiring",
        "tasks",
        ["expires_at"],
        postgresql_where=sa.text("expires_at IS NOT NULL AND state IN ('pending', 'queued')"),
    )
    op.create_index("tasks_open", "tasks", ["queued_at"], postgresql_where=sa.text("state IN ('queued', 'running')"))


def downgrade() -> None:
    op.drop_index("tasks_open", "tasks")
    op.drop_index("tasks_expiring", "tasks")
    op.drop_index("tasks_due", "tasks")
    for column in ("headers", "expires_at", "queued_at", "fence"):
        op.drop_column("tasks", column)
