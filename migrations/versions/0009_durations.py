"""How long a task waited and ran. Both are null for tasks whose events do not say it, as for all that ended before."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tasks", sa.Column("wait_seconds", sa.Double))
    op.add_column("tasks", sa.Column("run_seconds", sa.Double))


def downgrade() -> None:
    op.drop_column("tasks", "run_seconds")
    op.drop_column("tasks", "wait_seconds")
