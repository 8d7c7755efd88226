"""The tables of sources, analyst and journal: loads, quarantine, answers, pages owed."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    text,
)

from storage.operation_tables import METADATA
from storage.tables import SERIAL, Moment, Words

__all__ = [
    "ANALYSES", "ANALYST_SPENDING", "DATA_QUALITY", "INSTRUMENT_FACTS", "JOURNAL_ENTRIES",
    "LOAD_RUNS", "METADATA", "SOURCE_CHOICES", "WITHHELD_BARS",
]  # fmt: skip

LOAD_RUNS = Table(
    "load_runs",
    METADATA,
    Column("load_id", SERIAL, primary_key=True, autoincrement=True),
    Column("run_id", Words, nullable=False),
    Column("source", Words, nullable=False),
    Column("symbol", Words, nullable=False),
    Column("source_symbol", Words, nullable=False),
    Column("timeframe", String(4), nullable=False),
    Column("asked_start", Moment, nullable=False),
    Column("asked_end", Moment, nullable=False),
    Column("covered_until", Moment),
    Column("first", Moment),
    Column("last", Moment),
    Column("bars", Integer, nullable=False),
    Column("added", Integer, nullable=False),
    Column("withheld", Integer, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("error", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("seconds", Double, nullable=False),
    Index(None, "symbol", "timeframe", "source"),
    sqlite_autoincrement=True,
)

SOURCE_CHOICES = Table(
    "source_choices",
    METADATA,
    Column("symbol", Words, primary_key=True),
    Column("sources", JSON, nullable=False),
    Column("changed_at", Moment, nullable=False),
)

WITHHELD_BARS = Table(
    "withheld_bars",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("symbol", Words, nullable=False),
    Column("timeframe", String(4), nullable=False),
    Column("open_time", Moment, nullable=False),
    Column("source", Words, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("bar", JSON, nullable=False),
    Column("sha256", String(64), nullable=False),  # of kind and prices: the same is kept once
    Column("state", String(16), nullable=False),
    Column("at", Moment, nullable=False),
    Column("settled_at", Moment),
    Index(None, "symbol", "timeframe", "open_time", "source", "sha256", unique=True),
    Index(
        "ix_withheld_bars_open",
        "symbol",
        "timeframe",
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
    sqlite_autoincrement=True,
)

DATA_QUALITY = Table(
    "data_quality",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("symbol", Words, nullable=False),
    Column("timeframe", String(4), nullable=False),
    Column("at", Moment, nullable=False),
    Column("run_id", Words, nullable=False),
    Column("score", Double, nullable=False),
    Column("report", JSON, nullable=False),
    Index(None, "symbol", "timeframe", "at"),
    sqlite_autoincrement=True,
)

INSTRUMENT_FACTS = Table(
    "instrument_facts",
    METADATA,
    Column("source", Words, nullable=False),
    Column("symbol", Words, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("source", "symbol"),
)

ANALYSES = Table(
    "analyses",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("subject", Words, nullable=False),
    Column("analysis", JSON, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "subject", "at"),
)

ANALYST_SPENDING = Table(
    "analyst_spending",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("chat_id", BigInteger, nullable=False),  # 0: nobody's chat
    Column("day", String(10), nullable=False),
    Column("cost", Double, nullable=False),
    Column("settled", Integer, nullable=False),  # 0: set aside for a call under way
    Column("at", Moment, nullable=False),
    Index(None, "chat_id", "day"),
    sqlite_autoincrement=True,
)

JOURNAL_ENTRIES = Table(
    "journal_entries",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("key", Words, nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("entry", JSON, nullable=False),
    Column("revision", Integer, nullable=False),  # counts changes of the entry
    Column("page", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("lease_until", Moment),
    Column("leases", Integer, nullable=False),  # counts them: tells a lost one from a live one
    Column("error", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("done_at", Moment),
    Index(
        "ix_journal_entries_owed",
        "due_at",
        sqlite_where=text("state = 'owed'"),
        postgresql_where=text("state = 'owed'"),
    ),
    sqlite_autoincrement=True,
)
