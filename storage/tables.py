"""The tables: what is kept in the database, the same on SQLite and PostgreSQL."""

import json
import math
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    literal_column,
    text,
)


def json_text(value: Any) -> str:
    """Return `value` as JSON; NaN and infinities become null, which all databases accept."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept and given back in UTC to the microsecond."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn it to UTC; SQLite has no zones, so there it is kept without one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive datetime is no moment: {value}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text of any origin; what no database can hold (NUL, lone surrogates) becomes "�"."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace what can't be encoded."""
        del dialect
        return None if value is None else storable(value)


def storable(words: str) -> str:
    """Return `words` with NUL and lone surrogates replaced by "�" and "?"."""
    return words.replace("\x00", "�").encode("utf-8", "replace").decode("utf-8")


METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
SERIAL = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts by itself there
OWED: ColumnElement[str] = literal_column(
    "'owed'", String
)  # a literal, so that the partial index is used

RUNS = Table(
    "runs",
    METADATA,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("run_id", Words, nullable=False, unique=True),
    Column("flow_type", Words, nullable=False),
    Column("status", String(16), nullable=False),
    Column("request", JSON, nullable=False),
    Column("actor", JSON, nullable=False),
    Column("user_id", BigInteger),
    Column("created_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("attempt", Integer, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("error", Words, nullable=False),
    Column("report", JSON, nullable=False),
    Column("provenance", JSON, nullable=False),
    Column("owner", Words, nullable=False, server_default=text("''")),  # which process executes it
    Column("lease_until", Moment),
    Column("asked", Integer, nullable=False, server_default=text("1")),  # attempt asked for last
    Column("priority", Integer, nullable=False, server_default=text("2")),  # 1 goes first
    Column("deployment", Words, nullable=False, server_default=text("''")),
    Index(None, "status", "seq"),
    Index(None, "user_id", "seq"),
)

RUN_NUMBERS = Table(
    "run_numbers",
    METADATA,
    Column("prefix", Words, primary_key=True),
    Column("day", Words, primary_key=True),
    Column("last", Integer, nullable=False),
)

RUN_TASKS = Table(
    "run_tasks",
    METADATA,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("run_id", Words, ForeignKey("runs.run_id"), nullable=False),
    Column("task", Words, nullable=False),
    Column("record", JSON, nullable=False),
    Column("changed_at", Moment, nullable=False),
    UniqueConstraint("run_id", "task"),
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("actor", JSON, nullable=False),
    Column("action", Words, nullable=False),
    Column("what", JSON, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reason", Words, nullable=False),
    Column("run_id", Words),
    Index(None, "run_id", "seq"),
)

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("chat_id", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("dedupe_key", Words, nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
    Column("state", String(8), nullable=False),
    Column("rank", Integer, nullable=False, server_default=text("1")),  # see outbox_rules
    Column("final", Boolean, nullable=False),
    Column("version", Integer, nullable=False),  # of the payload; counts replacements
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment),
    Column("lease_until", Moment),
    Column("leases", Integer, nullable=False),  # counts claims; the number names the lease
    Column("leased_version", Integer, nullable=False),
    Column("message_ids", JSON, nullable=False),
    Column("error", Words, nullable=False),
    Column("done_at", Moment),  # last sent, or given up; kept when it is owed again
    Index(
        "ix_outbox_owed",
        "chat_id",
        "id",
        sqlite_where=text("state = 'owed'"),
        postgresql_where=text("state = 'owed'"),
    ),
    Index("ix_outbox_done_at", "done_at"),  # what is settled goes by age
    sqlite_autoincrement=True,  # ids never come back, so the order of ids is the order of time
)

USERS = Table(
    "users",
    METADATA,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("role", String(16), nullable=False),
    Column("changed_at", Moment, nullable=False),
)

STRANGERS = Table(
    "strangers",
    METADATA,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("first_seen", Moment, nullable=False),
)

MEMORIES = Table(
    "memories",
    METADATA,
    Column("key", Words, primary_key=True),
    Column("value", JSON, nullable=False),
    Column("at", Moment, nullable=False),
)

ARTIFACTS = Table(
    "artifacts",
    METADATA,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("path", Words, nullable=False, unique=True),
    Column("sha256", Words, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("media_type", Words, nullable=False),
    Column("run_id", Words, nullable=False),
    Column("role", Words, nullable=False),
    Column("meta", JSON, nullable=False),
    Column("put_at", Moment),  # when it was last written; none: before that was noted
    Index(None, "run_id", "seq"),
    Index("ix_artifacts_put_at", "put_at"),
)

TRIALS = Table(
    "trials",
    METADATA,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("setup_id", Words, nullable=False),
    Column("symbol", Words, nullable=False),
    Column("synthetic", Boolean, nullable=False),
    Column("variant", String(64), nullable=False),
    Column("what", JSON, nullable=False),
    Column("trades", Integer, nullable=False),
    Column("mean_r", Double),
    Column("sd_r", Double),
    Column("skew", Double),
    Column("kurtosis", Double),
    Column("run_id", Words, nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("setup_id", "symbol", "synthetic", "variant"),
)
