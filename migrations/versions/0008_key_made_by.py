"""Who has made an API key: its owner, or an administrator for somebody else."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("created_by", sa.Text))


def downgrade() -> None:
    op.drop_column("api_keys", "created_by")
