"""The first tables: runs, audit, outbox, chats, artifacts.

A revision describes the tables as they were when it was written, so it imports nothing of ours.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "artifacts", "memories", "strangers", "users", "outbox", "audit", "run_tasks", "run_numbers",
    "runs",
)


def _serial(name: str) -> "sa.Column[Any]":
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, autoincrement=True, nullable=False)


def _col(name: str, kind: Any, *, null: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, kind, nullable=null)


TEXT, SHORT, JSON = sa.Text(), sa.String(16), sa.JSON()
INT, BIG, FLAG = sa.Integer(), sa.BigInteger(), sa.Boolean()
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_runs()
    _create_audit()
    _create_outbox()
    _create_chats()
    _create_artifacts()


def _create_runs() -> None:
    op.create_table(
        "runs",
        _serial("seq"),
        _col("run_id", TEXT),
        _col("flow_type", TEXT),
        _col("status", SHORT),
        _col("request", JSON),
        _col("actor", JSON),
        _col("user_id", BIG, null=True),
        _col("created_at", MOMENT),
        _col("started_at", MOMENT, null=True),
        _col("ended_at", MOMENT, null=True),
        _col("attempt", INT),
        _col("cancel_requested", FLAG),
        _col("error", TEXT),
        _col("report", JSON),
        _col("provenance", JSON),
        sa.PrimaryKeyConstraint("seq", name="pk_runs"),
        sa.UniqueConstraint("run_id", name="uq_runs_run_id"),
    )
    op.create_index("ix_runs_status", "runs", ["status", "seq"])
    op.create_index("ix_runs_user_id", "runs", ["user_id", "seq"])
    op.create_table(
        "run_numbers",
        _col("prefix", TEXT),
        _col("day", TEXT),
        _col("last", INT),
        sa.PrimaryKeyConstraint("prefix", "day", name="pk_run_numbers"),
    )
    op.create_table(
        "run_tasks",
        _serial("seq"),
        _col("run_id", TEXT),
        _col("task", TEXT),
        _col("record", JSON),
        _col("changed_at", MOMENT),
        sa.PrimaryKeyConstraint("seq", name="pk_run_tasks"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_run_tasks_run_id_runs"),
        sa.UniqueConstraint("run_id", "task", name="uq_run_tasks_run_id"),
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        _serial("seq"),
        _col("at", MOMENT),
        _col("actor", JSON),
        _col("action", TEXT),
        _col("what", JSON),
        _col("verdict", SHORT),
        _col("reason", TEXT),
        _col("run_id", TEXT, null=True),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_index("ix_audit_run_id", "audit", ["run_id", "seq"])
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit log is append only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit log is append only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()"
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        _serial("id"),
        _col("chat_id", BIG),
        _col("kind", SHORT),
        _col("payload", JSON),
        _col("dedupe_key", TEXT),
        _col("created_at", MOMENT),
        _col("state", sa.String(8)),
        _col("final", FLAG),
        _col("version", INT),
        _col("attempts", INT),
        _col("due_at", MOMENT, null=True),
        _col("lease_until", MOMENT, null=True),
        _col("leases", INT),
        _col("leased_version", INT),
        _col("message_ids", JSON),
        _col("error", TEXT),
        _col("done_at", MOMENT, null=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("dedupe_key", name="uq_outbox_dedupe_key"),
        sqlite_autoincrement=True,
    )
    owed = sa.text("state = 'owed'")
    op.create_index(
        "ix_outbox_owed", "outbox", ["chat_id", "id"], sqlite_where=owed, postgresql_where=owed
    )


def _create_chats() -> None:
    op.create_table(
        "users",
        _col("user_id", BIG),
        _col("role", SHORT),
        _col("changed_at", MOMENT),
        sa.PrimaryKeyConstraint("user_id", name="pk_users"),
    )
    op.create_table(
        "strangers",
        _col("user_id", BIG),
        _col("first_seen", MOMENT),
        sa.PrimaryKeyConstraint("user_id", name="pk_strangers"),
    )
    op.create_table(
        "memories",
        _col("key", TEXT),
        _col("value", JSON),
        _col("at", MOMENT),
        sa.PrimaryKeyConstraint("key", name="pk_memories"),
    )


def _create_artifacts() -> None:
    op.create_table(
        "artifacts",
        _serial("seq"),
        _col("path", TEXT),
        _col("sha256", TEXT),
        _col("size", BIG),
        _col("media_type", TEXT),
        _col("run_id", TEXT),
        _col("role", TEXT),
        _col("meta", JSON),
        sa.PrimaryKeyConstraint("seq", name="pk_artifacts"),
        sa.UniqueConstraint("path", name="uq_artifacts_path"),
    )
    op.create_index("ix_artifacts_run_id", "artifacts", ["run_id", "seq"])


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION audit_append_only()")
