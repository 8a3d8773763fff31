"""Entries of the audit may be removed that are older than any retention, and no others."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Both functions find what they call in pg_catalog alone: in the search path of whoever deletes, another now() could come first.
# `headrace admin trim-audit` says for its transaction that it removes what the retention is over for. Whoever else says so can
# remove nothing younger than the floor, of which Postgres reads the time by itself. The first trigger is for statements, so that a
# DELETE without that word is refused also when it would find no row.
KEEP = """
CREATE OR REPLACE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND pg_catalog.current_setting('headrace.trims_audit', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'entries of the audit are never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END
$$;
"""
KEEP_YOUNG = """
CREATE FUNCTION refuse_removal_of_young_audit() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.at >= pg_catalog.now() - interval '30 days' THEN
        RAISE EXCEPTION 'entries of the audit are kept for 30 days at least' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END
$$;
"""
KEEP_YOUNG_ROWS = """
CREATE TRIGGER young_audit_is_kept BEFORE DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_removal_of_young_audit();
"""
KEEP_ALL = """
CREATE OR REPLACE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'entries of the audit are never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END
$$;
"""


def upgrade() -> None:
    op.execute(KEEP_YOUNG)
    op.execute(KEEP_YOUNG_ROWS)
    # ALWAYS holds also with session_replication_role = replica, which skips other triggers.
    op.execute("ALTER TABLE audit ENABLE ALWAYS TRIGGER young_audit_is_kept")
    op.execute(KEEP)


def downgrade() -> None:
    op.execute(KEEP_ALL)
    op.execute("DROP TRIGGER young_audit_is_kept ON audit")
    op.execute("DROP FUNCTION refuse_removal_of_young_audit()")
