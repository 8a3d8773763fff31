"""The batches of all owners by age, and whose a task is among the words and the labels that it is found by.

Postgres looks for a word in the tasks of all owners. With the owner beside it in the same index, it reads the tasks of one who has few of
those with this word without reading the others.
"""

import string

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BY_AGE = ["state", "created_at", "id"]
FINAL = "state IN ('succeeded', 'failed', 'cancelled')"
LABELLED = "labels <> '{}'"
MARKS = string.punctuation + "\xab\xb7\xbb\u2013\u2014\u2018\u2019\u201c\u201d\u201e\u2026"
SEPARATORS = f"[ {''.join(chr(92) + mark if mark in '[]^-' + chr(92) else mark for mark in MARKS)}]+".replace("'", "''")
SPLIT = f"regexp_split_to_array(lower(title || ' ' || right(id, 12)), '{SEPARATORS}')"
# Postgres puts its body in its place wherever it is used.
FUNCTION = f"""
    CREATE FUNCTION title_words(owner text, title text, id text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $words$ SELECT array_to_tsvector(array_append(array_remove({SPLIT}, ''), '@' || lower(owner))) $words$
"""
# As migration 0014 made it.
TEXT = f"translate(title || ' ' || right(id, 12), '{MARKS.replace(chr(39), chr(39) * 2)}', '{' ' * len(MARKS)}')"
FUNCTION_BEFORE = f"""
    CREATE FUNCTION title_words(title text, id text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $words$ SELECT array_to_tsvector(array_remove(string_to_array(lower({TEXT}), ' '), '')) $words$
"""


def upgrade() -> None:
    op.create_index("batches_of_all_by_age", "batches", BY_AGE)
    op.create_index("batches_of_all_of_kind_by_age", "batches", ["kind", *BY_AGE])
    _drop_found_by()
    op.execute("DROP FUNCTION title_words(text, text)")
    op.execute(sa.text(FUNCTION.replace(":", "\\:")))
    op.execute(f"CREATE INDEX tasks_by_words ON tasks USING gin (title_words(owner, title, id)) WHERE {FINAL}")
    op.execute(f"CREATE INDEX tasks_by_labels ON tasks USING gin (array_append(labels, owner)) WHERE {LABELLED}")


def downgrade() -> None:
    _drop_found_by()
    op.execute("DROP FUNCTION title_words(text, text, text)")
    op.execute(sa.text(FUNCTION_BEFORE.replace(":", "\\:")))
    op.execute(f"CREATE INDEX tasks_by_words ON tasks USING gin (title_words(title, id)) WHERE {FINAL}")
    op.execute(f"CREATE INDEX tasks_by_labels ON tasks USING gin (labels) WHERE {LABELLED}")
    op.drop_index("batches_of_all_of_kind_by_age", "batches")
    op.drop_index("batches_of_all_by_age", "batches")


def _drop_found_by() -> None:
    op.drop_index("tasks_by_labels", "tasks")
    op.drop_index("tasks_by_words", "tasks")
