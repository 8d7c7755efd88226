"""Live watching: signals and what became of them, wishes of chats, pulses, labels, ranks of deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "outbox", sa.Column("rank", sa.Integer(), nullable=False, server_default=sa.text("1"))
    )
    _signals()
    _alerts()
    _scan_log()
    _wishes()
    _labels()


def _signals() -> None:
    op.create_table(
        "signal_numbers",
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("prefix", name="pk_signal_numbers"),
    )
    op.create_table(
        "signals",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("signal_id", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("setup_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("known_at", MOMENT, nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("life", sa.JSON(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("paper", sa.JSON(), nullable=True),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.Column("following", sa.Boolean(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_signals"),
        sa.UniqueConstraint("key", name="uq_signals_key"),
        sa.UniqueConstraint("signal_id", name="uq_signals_signal_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_signals_origin", "signals", ["origin", "known_at"])
    op.create_index("ix_signals_following", "signals", ["following", "origin"])
    op.create_table(
        "cooldowns",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("setup_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("origin", "setup_id", "symbol", name="pk_cooldowns"),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("signal_id", sa.Text(), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("silent", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("edits", sa.Integer(), nullable=False),
        sa.Column("held", sa.String(8), nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.UniqueConstraint("signal_id", "chat_id", name="uq_alerts_signal_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alerts_state", "alerts", ["state", "due_at"])
    op.create_index("ix_alerts_accepted_at", "alerts", ["accepted_at"])


def _scan_log() -> None:
    op.create_table(
        "live_bars",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("open_time", MOMENT, nullable=False),
        sa.Column("open", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("close", sa.Double(), nullable=False),
        sa.Column("volume", sa.Double(), nullable=True),
        sa.Column("spread", sa.Double(), nullable=True),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("origin", "symbol", "open_time", name="pk_live_bars"),
    )
    op.create_index("ix_live_bars_seen_at", "live_bars", ["seen_at"])
    op.create_table(
        "scanned",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("closed", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("origin", "symbol", name="pk_scanned"),
    )
    op.create_table(
        "scans",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("trigger_time", MOMENT, nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_scans"),
    )
    op.create_index("ix_scans_origin", "scans", ["origin", "trigger_time"])
    op.create_table(
        "evaluations",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("setup_id", sa.Text(), nullable=False),
        sa.Column("tf", sa.String(4), nullable=False),
        sa.Column("first_close", MOMENT, nullable=False),
        sa.Column("last_close", MOMENT, nullable=False),
        sa.Column("closes", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("signals", sa.Integer(), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_evaluations"),
    )
    op.create_index(
        "ix_evaluations_origin",
        "evaluations",
        ["origin", "symbol", "setup_id", "tf", "first_close"],
    )
    op.create_index("ix_evaluations_last_close", "evaluations", ["origin", "last_close"])


def _wishes() -> None:
    op.create_table(
        "watches",
        sa.Column("chat_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("watch", sa.JSON(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("chat_id", name="pk_watches"),
    )
    op.create_table(
        "pulses",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_pulses"),
    )


def _labels() -> None:
    op.create_table(
        "labeled_trades",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("signal_id", sa.Text(), nullable=False),
        sa.Column("setup_id", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("tf", sa.String(4), nullable=False),
        sa.Column("side", sa.String(8), nullable=False),
        sa.Column("known_at", MOMENT, nullable=False),
        sa.Column("resolved_at", MOMENT, nullable=False),
        sa.Column("label", sa.Integer(), nullable=True),
        sa.Column("rr", sa.Double(), nullable=True),
        sa.Column("exit_reason", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("human", sa.String(8), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("features", sa.JSON(), nullable=True),
        sa.Column("feature_version", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_labeled_trades"),
        sa.UniqueConstraint("source", "signal_id", name="uq_labeled_trades_source"),
    )


def downgrade() -> None:
    for table in (
        "labeled_trades", "pulses", "watches", "evaluations", "scans", "scanned", "live_bars",
        "alerts", "cooldowns", "signals", "signal_numbers",
    ):  # fmt: skip
        op.drop_table(table)
    op.drop_column("outbox", "rank")
