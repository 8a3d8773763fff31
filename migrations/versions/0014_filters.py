"""What tasks are found by: the words of their titles, their labels, and their age whosever they are."""

import string

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MARKS = string.punctuation + "\xab\xb7\xbb\u2013\u2014\u2018\u2019\u201c\u201d\u201e\u2026"
TEXT = f"translate(title || ' ' || right(id, 12), '{MARKS.replace(chr(39), chr(39) * 2)}', '{' ' * len(MARKS)}')"
WORDS = f"array_to_tsvector(array_remove(string_to_array(lower({TEXT}), ' '), ''))"
# Postgres puts its body in its place wherever it is used.
FUNCTION = f"""
    CREATE FUNCTION title_words(title text, id text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $words$ SELECT {WORDS} $words$
"""
FINAL = "state IN ('succeeded', 'failed', 'cancelled')"


def upgrade() -> None:
    op.create_index("tasks_of_all_by_age", "tasks", ["state", "created_at"])
    op.execute(sa.text(FUNCTION.replace(":", "\\:")))
    op.execute(f"CREATE INDEX tasks_by_words ON tasks USING gin (title_words(title, id)) WHERE {FINAL}")
    op.create_index(
        "tasks_by_labels", "tasks", ["labels"], postgresql_using="gin", postgresql_where=sa.text("labels <> '{}'")
    )


def downgrade() -> None:
    for index in ("tasks_by_labels", "tasks_by_words", "tasks_of_all_by_age"):
        op.drop_index(index, "tasks")
    op.execute("DROP FUNCTION title_words(text, text)")
