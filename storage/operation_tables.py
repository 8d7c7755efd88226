"""The tables of operation: schedules, deployments, tokens, keys, updates, shared bars."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    text,
)

from storage.model_tables import METADATA
from storage.tables import SERIAL, Moment, Words

__all__ = [
    "API_TOKENS", "AUDIT_CHAIN", "BAR_INDEXES", "DEPLOYMENTS", "METADATA", "REQUEST_KEYS",
    "SCHEDULES", "SCHEDULE_FIRES", "TELEGRAM_UPDATES",
]  # fmt: skip

SCHEDULES = Table(
    "schedules",
    METADATA,
    Column("name", Words, primary_key=True),
    Column("spec", JSON, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("changed_at", Moment, nullable=False),
)

SCHEDULE_FIRES = Table(
    "schedule_fires",
    METADATA,
    Column("schedule", Words, nullable=False),
    Column("due", Moment, nullable=False),
    Column("at", Moment, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("run_id", Words, nullable=False),
    Column("reason", Words, nullable=False),
    PrimaryKeyConstraint("schedule", "due"),
)

DEPLOYMENTS = Table(
    "deployments",
    METADATA,
    Column("name", Words, primary_key=True),
    Column("entry", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    Column("applied_at", Moment, nullable=False),
)

API_TOKENS = Table(
    "api_tokens",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("name", Words, nullable=False, unique=True),
    Column("user_id", BigInteger, nullable=False),
    Column("role", String(16), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("revoked_at", Moment),
)

REQUEST_KEYS = Table(
    "request_keys",
    METADATA,
    Column("key", Words, primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("run_id", Words, nullable=False),
    Column("at", Moment, nullable=False),
)

TELEGRAM_UPDATES = Table(
    "telegram_updates",
    METADATA,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("update_id", BigInteger, nullable=False, unique=True),
    Column("lane", Words, nullable=False),
    Column("body", JSON, nullable=False),
    Column("at", Moment, nullable=False),
    Column("owner", Words, nullable=False),
    Column("lease_until", Moment),
    Column("done_at", Moment),
    Index(
        "ix_telegram_updates_open",
        "lane",
        "seq",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
)

BAR_INDEXES = Table(
    "bar_indexes",
    METADATA,
    Column("symbol", Words, primary_key=True),
    Column("revision", Integer, nullable=False),  # counts changes: each is made to the one read
    Column("timeframes", JSON, nullable=False),  # timeframe -> its index, see bar_files
)

AUDIT_CHAIN = Table(
    "audit_chain",
    METADATA,
    Column("seq", SERIAL, primary_key=True, autoincrement=False),
    Column("sha256", String(64), nullable=False),
)
