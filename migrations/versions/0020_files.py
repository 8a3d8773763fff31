"""Files: what is uploaded, and what tasks have stored."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("task", sa.Text),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ready_at", INSTANT),
        sa.Column("expires_at", INSTANT),
        sa.Column("leased_until", INSTANT),
    )
    op.create_index("files_by_age", "files", ["owner", "created_at", "id"])
    op.create_index(
        "files_of_task", "files", ["task", "created_at", "id"], postgresql_where=sa.text("task IS NOT NULL")
    )
    op.create_index("files_expiring", "files", ["expires_at"], postgresql_where=sa.text("expires_at IS NOT NULL"))
    # What an owner has together is read off the index alone, also for one with very many files.
    op.create_index("files_sizes", "files", ["owner"], postgresql_include=["size", "state"])


def downgrade() -> None:
    op.drop_table("files")
