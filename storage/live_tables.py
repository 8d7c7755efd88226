"""The tables of live watching: signals and what became of them, wishes of chats, pulses, labels.

`seen_at` is this machine's clock; all other moments of bars and closes are the market's.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from storage.tables import METADATA, SERIAL, Moment, Words

__all__ = [
    "ALERTS", "COOLDOWNS", "EVALUATIONS", "LABELED_TRADES", "LIVE_BARS", "METADATA", "PULSES",
    "SCANNED", "SCANS", "SIGNALS", "SIGNAL_NUMBERS", "WATCHES",
]  # fmt: skip

SIGNAL_NUMBERS = Table(
    "signal_numbers",
    METADATA,
    Column("prefix", Words, primary_key=True),
    Column("last", Integer, nullable=False),  # numbers have no gaps, and never come back
)

SIGNALS = Table(
    "signals",
    METADATA,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("key", Words, nullable=False, unique=True),  # origin|setup|symbol|tf|close|side
    Column("signal_id", Words, nullable=False, unique=True),
    Column("origin", Words, nullable=False),
    Column("setup_id", Words, nullable=False),
    Column("symbol", Words, nullable=False),
    Column("known_at", Moment, nullable=False),
    Column("decision", String(16), nullable=False),
    Column("ticket", Words, nullable=False),
    Column("record", JSON, nullable=False),  # what never changes after admission
    Column("life", JSON, nullable=False),
    Column("answer", JSON(none_as_null=True)),
    Column("paper", JSON(none_as_null=True)),
    Column("extra", JSON, nullable=False),
    Column("following", Boolean, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Index(None, "origin", "known_at"),
    Index("ix_signals_following", "following", "origin"),
    sqlite_autoincrement=True,
)

COOLDOWNS = Table(
    "cooldowns",
    METADATA,
    Column("origin", Words, primary_key=True),
    Column("setup_id", Words, primary_key=True),
    Column("symbol", Words, primary_key=True),
    Column("owner", Words, nullable=False),  # the signal's natural key
    Column("until", Moment, nullable=False),
)

ALERTS = Table(
    "alerts",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("signal_id", Words, nullable=False),
    Column("chat_id", BigInteger, nullable=False),
    Column("silent", Boolean, nullable=False),
    Column("state", String(8), nullable=False),  # owed, held, told, sent, failed
    Column("edits", Integer, nullable=False),  # counts how often it was owed again
    Column("held", String(8), nullable=False),
    Column("due_at", Moment),  # of the digest
    Column("message_id", BigInteger),
    Column("accepted_at", Moment),
    UniqueConstraint("signal_id", "chat_id"),
    Index(None, "state", "due_at"),
    Index("ix_alerts_accepted_at", "accepted_at"),
    sqlite_autoincrement=True,
)

LIVE_BARS = Table(
    "live_bars",
    METADATA,
    Column("origin", Words, primary_key=True),
    Column("symbol", Words, primary_key=True),
    Column("open_time", Moment, primary_key=True),
    Column("open", Double, nullable=False),
    Column("high", Double, nullable=False),
    Column("low", Double, nullable=False),
    Column("close", Double, nullable=False),
    Column("volume", Double),
    Column("spread", Double),
    Column("seen_at", Moment, nullable=False),
    Index(None, "seen_at"),
)

SCANNED = Table(
    "scanned",
    METADATA,
    Column("origin", Words, primary_key=True),
    Column("symbol", Words, primary_key=True),
    Column("closed", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

SCANS = Table(
    "scans",
    METADATA,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("origin", Words, nullable=False),
    Column("run_id", Words, nullable=False),
    Column("trigger_time", Moment, nullable=False),
    Column("report", JSON, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Index(None, "origin", "trigger_time"),
)

EVALUATIONS = Table(
    "evaluations",
    METADATA,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("origin", Words, nullable=False),
    Column("symbol", Words, nullable=False),
    Column("setup_id", Words, nullable=False),
    Column("tf", String(4), nullable=False),
    Column("first_close", Moment, nullable=False),
    Column("last_close", Moment, nullable=False),
    Column("closes", Integer, nullable=False),
    Column("step", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("signals", Integer, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Index(None, "origin", "symbol", "setup_id", "tf", "first_close"),
    Index("ix_evaluations_last_close", "origin", "last_close"),
)

WATCHES = Table(
    "watches",
    METADATA,
    Column("chat_id", BigInteger, primary_key=True, autoincrement=False),  # 0: rules for all
    Column("watch", JSON, nullable=False),
    Column("changed_at", Moment, nullable=False),
)

PULSES = Table(
    "pulses",
    METADATA,
    Column("name", Words, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("facts", JSON, nullable=False),
)

LABELED_TRADES = Table(
    "labeled_trades",
    METADATA,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("source", Words, nullable=False),
    Column("signal_id", Words, nullable=False),
    Column("run_id", Words, nullable=False, server_default=""),
    Column("setup_id", Words, nullable=False),
    Column("rule_version", Words, nullable=False),
    Column("symbol", Words, nullable=False),
    Column("tf", String(4), nullable=False),
    Column("side", String(8), nullable=False),
    Column("known_at", Moment, nullable=False),
    Column("resolved_at", Moment, nullable=False),
    Column("label", Integer),
    Column("rr", Double),
    Column("exit_reason", Words, nullable=False),
    Column("decision", Words, nullable=False),
    Column("human", String(8), nullable=False),
    Column("confidence", Double, nullable=False),
    Column("features", JSON(none_as_null=True)),
    Column("feature_version", Words),
    UniqueConstraint("source", "signal_id"),
    Index(None, "setup_id", "symbol", "tf", "known_at"),
)
