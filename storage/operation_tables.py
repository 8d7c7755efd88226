"""The tables of operation: schedules and their times, deployments, tokens, keys of requests."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, PrimaryKeyConstraint, String, Table

from storage.model_tables import METADATA
from storage.tables import Moment, Words

__all__ = [
    "API_TOKENS", "DEPLOYMENTS", "METADATA", "REQUEST_KEYS", "SCHEDULES", "SCHEDULE_FIRES",
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
