"""Operations: schedules, deployments, tokens of the HTTP entry; a run says who executes it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
PUT_AT = """
UPDATE artifacts SET put_at =
coalesce((SELECT created_at FROM runs WHERE runs.run_id = artifacts.run_id), CURRENT_TIMESTAMP)
"""
RUN_COLUMNS = ("owner", "lease_until", "asked", "priority", "deployment")


def upgrade() -> None:
    op.add_column("runs", sa.Column("owner", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("runs", sa.Column("lease_until", MOMENT))
    op.add_column("runs", sa.Column("asked", sa.Integer(), nullable=False, server_default=sa.text("1")))
    # What was owed of a run so far is named by the attempt that owed it.
    op.execute("UPDATE runs SET asked = attempt")
    op.add_column("runs", sa.Column("priority", sa.Integer(), nullable=False, server_default=sa.text("2")))
    op.add_column("runs", sa.Column("deployment", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("artifacts", sa.Column("put_at", MOMENT))
    op.execute(PUT_AT)
    op.create_index("ix_artifacts_put_at", "artifacts", ["put_at"])
    op.create_index("ix_outbox_done_at", "outbox", ["done_at"])
    op.create_table(
        "schedules",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_schedules"),
    )
    op.create_table(
        "schedule_fires",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("due", MOMENT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("schedule", "due", name="pk_schedule_fires"),
    )
    op.create_table(
        "deployments",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("entry", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("applied_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_deployments"),
    )
    _entries()


def _entries() -> None:
    """What the entries keep: tokens, keys of requests, updates from Telegram."""
    op.create_table(
        "api_tokens",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT),
        sa.PrimaryKeyConstraint("sha256", name="pk_api_tokens"),
        sa.UniqueConstraint("name", name="uq_api_tokens_name"),
    )
    op.create_table(
        "request_keys",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_request_keys"),
    )
    op.create_table(
        "telegram_updates",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("update_id", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("lease_until", MOMENT),
        sa.Column("done_at", MOMENT),
        sa.PrimaryKeyConstraint("seq", name="pk_telegram_updates"),
        sa.UniqueConstraint("update_id", name="uq_telegram_updates_update_id"),
    )
    op.create_index(
        "ix_telegram_updates_open",
        "telegram_updates",
        ["lane", "seq"],
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "bar_indexes",
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("timeframes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("symbol", name="pk_bar_indexes"),
    )


def downgrade() -> None:
    for name in ("bar_indexes", "telegram_updates", "request_keys", "api_tokens", "deployments", "schedule_fires", "schedules"):
        op.drop_table(name)
    op.drop_index("ix_outbox_done_at", "outbox")
    op.drop_index("ix_artifacts_put_at", "artifacts")
    op.drop_column("artifacts", "put_at")
    for name in RUN_COLUMNS:  # not in a batch: that would make anew what run_tasks points to
        op.drop_column("runs", name)
