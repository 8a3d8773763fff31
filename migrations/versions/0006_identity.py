"""Accounts, sessions, API keys, one-time tokens, the audit, and settings that change at run time."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)

# Grants would not hold: the application usually connects as the owner of its tables, or as a superuser, for whom there are
# none. A trigger holds for every role, and ALWAYS also with session_replication_role = replica, which skips other triggers.
KEEP_AUDIT = """
CREATE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'entries of the audit are never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END
$$;
"""
KEEP_AUDIT_ROWS = """
CREATE TRIGGER audit_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit();
"""


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("email", sa.Text),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("password", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("decided_at", INSTANT),
        sa.Column("decided_by", sa.Text),
        sa.Column("seen_at", INSTANT),
    )
    op.create_index("users_email", "users", [sa.text("lower(email)")], unique=True)
    op.create_index("users_by_age", "users", ["created_at", "id"])
    op.create_index("users_in_state_by_age", "users", ["state", "created_at", "id"])
    op.create_index("users_with_role_by_age", "users", ["role", "created_at", "id"])
    _create_sessions()
    _create_api_keys()
    _create_one_time_tokens()
    _create_audit()
    op.create_table(
        "run_time_settings",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    for table in (
        *("run_time_settings", "audit", "one_time_tokens", "api_keys", "refresh_tokens", "sessions"),
        "users",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change_of_audit()")


def _owner() -> sa.Column[str]:
    return sa.Column("owner", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False)


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text, primary_key=True),
        _owner(),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("address", sa.Text),
        sa.Column("agent", sa.Text),
        sa.Column("revoked_at", INSTANT),
    )
    op.create_index("sessions_of_owner", "sessions", ["owner", "created_at", "id"])
    op.create_index("sessions_ending", "sessions", ["ends_at"])
    op.create_table(
        "refresh_tokens",
        sa.Column("hash", sa.LargeBinary, primary_key=True),
        sa.Column("session", sa.Text, sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("rotated_at", INSTANT),
        sa.Column("successor", sa.LargeBinary),
    )
    op.create_index("refresh_tokens_of_session", "refresh_tokens", ["session", "generation"])


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text, primary_key=True),
        _owner(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("start", sa.Text, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT),
        sa.Column("used_at", INSTANT),
        sa.Column("revoked_at", INSTANT),
    )
    op.create_index("api_keys_hash", "api_keys", ["hash"], unique=True)
    op.create_index("api_keys_of_owner", "api_keys", ["owner", "created_at", "id"])
    for index, column in (("api_keys_expiring", "expires_at"), ("api_keys_revoked", "revoked_at")):
        op.create_index(index, "api_keys", [column], postgresql_where=sa.text(f"{column} IS NOT NULL"))


def _create_one_time_tokens() -> None:
    op.create_table(
        "one_time_tokens",
        sa.Column("hash", sa.LargeBinary, primary_key=True),
        sa.Column("purpose", sa.Text, nullable=False),
        _owner(),
        sa.Column("expires_at", INSTANT, nullable=False),
    )
    op.create_index("one_time_tokens_of_owner", "one_time_tokens", ["owner", "purpose"])
    op.create_index("one_time_tokens_expiring", "one_time_tokens", ["expires_at"])


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.Text),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("address", sa.Text),
        sa.Column("correlation_id", sa.Text),
        sa.Column("data", sa.JSON, nullable=False),
    )
    op.create_index("audit_by_age", "audit", ["at", "id"])
    for column in ("actor", "subject", "action"):
        op.create_index(f"audit_of_{column}_by_age", "audit", [column, "at", "id"])
    op.execute(KEEP_AUDIT)
    op.execute(KEEP_AUDIT_ROWS)
    op.execute("ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_is_kept")
