"""The batches of all owners by age, for the list of administrators. A batch is written in them when it is made and when it settles."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BY_AGE = ["state", "created_at", "id"]


def upgrade() -> None:
    op.create_index("batches_of_all_by_age", "batches", BY_AGE)
    op.create_index("batches_of_all_of_kind_by_age", "batches", ["kind", *BY_AGE])


def downgrade() -> None:
    op.drop_index("batches_of_all_of_kind_by_age", "batches")
    op.drop_index("batches_of_all_by_age", "batches")
