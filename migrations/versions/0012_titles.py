"""What a task is called: its title, its labels and its schedule; and a fingerprint of its failure.

Rows of before have an empty title until the projector has filled them, which finds them by `tasks_to_fill`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TO_FILL = "title = '' OR (code IS NULL) <> (fingerprint IS NULL)"


def upgrade() -> None:
    # An older version that still writes rows knows neither column, so both keep their defaults.
    op.add_column("tasks", sa.Column("title", sa.Text, nullable=False, server_default=""))
    op.add_column("tasks", sa.Column("labels", ARRAY(sa.Text), nullable=False, server_default="{}"))
    op.add_column("tasks", sa.Column("schedule", sa.Text))
    op.add_column("tasks", sa.Column("fingerprint", sa.Text))
    op.create_index("tasks_to_fill", "tasks", ["id"], postgresql_where=sa.text(TO_FILL))


def downgrade() -> None:
    op.drop_index("tasks_to_fill", "tasks")
    for column in ("fingerprint", "schedule", "labels", "title"):
        op.drop_column("tasks", column)
