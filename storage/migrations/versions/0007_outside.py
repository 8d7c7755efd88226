"""Sources, analyst and journal: loads, quarantine, quality, facts, answers, pages owed."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = (
    "load_runs",
    "source_choices",
    "withheld_bars",
    "data_quality",
    "instrument_facts",
    "analyses",
    "analyst_spending",
    "journal_entries",
)


def upgrade() -> None:
    _sources()
    _bars()
    _analyst()
    _journal()


def _sources() -> None:
    op.create_table(
        "load_runs",
        sa.Column("load_id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("source_symbol", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.String(4), nullable=False),
        sa.Column("asked_start", MOMENT, nullable=False),
        sa.Column("asked_end", MOMENT, nullable=False),
        sa.Column("covered_until", MOMENT),
        sa.Column("first", MOMENT),
        sa.Column("last", MOMENT),
        sa.Column("bars", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("withheld", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("load_id", name="pk_load_runs"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_load_runs_symbol", "load_runs", ["symbol", "timeframe", "source"])
    op.create_table(
        "source_choices",
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("symbol", name="pk_source_choices"),
    )


def _bars() -> None:
    op.create_table(
        "withheld_bars",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.String(4), nullable=False),
        sa.Column("open_time", MOMENT, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("bar", sa.JSON(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("settled_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_withheld_bars"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_withheld_bars_open", "withheld_bars", ["symbol", "timeframe"], sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
    op.create_index("ix_withheld_bars_symbol", "withheld_bars", ["symbol", "timeframe", "open_time", "source", "sha256"], unique=True)
    op.create_table(
        "data_quality",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.String(4), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_data_quality"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_data_quality_symbol", "data_quality", ["symbol", "timeframe", "at"])
    op.create_table(
        "instrument_facts",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("source", "symbol", name="pk_instrument_facts"),
    )


def _analyst() -> None:
    op.create_table(
        "analyses",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("analysis", sa.JSON(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_analyses"),
    )
    op.create_index("ix_analyses_subject", "analyses", ["subject", "at"])
    op.create_table(
        "analyst_spending",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("cost", sa.Double(), nullable=False),
        sa.Column("settled", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_analyst_spending"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_analyst_spending_chat_id", "analyst_spending", ["chat_id", "day"])


def _journal() -> None:
    op.create_table(
        "journal_entries",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("entry", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("page", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("lease_until", MOMENT),
        sa.Column("leases", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("done_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_journal_entries"),
        sa.UniqueConstraint("key", name="uq_journal_entries_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_journal_entries_owed", "journal_entries", ["due_at"], sqlite_where=sa.text("state = 'owed'"), postgresql_where=sa.text("state = 'owed'"))


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
