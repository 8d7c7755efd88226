"""The tables of the model registry: versions, which of them are in use, and how that changed."""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table

from storage.live_tables import METADATA
from storage.tables import SERIAL, Moment, Words

__all__ = ["METADATA", "MODEL_CHANGES", "MODEL_STANDINGS", "MODEL_VERSIONS"]

MODEL_VERSIONS = Table(
    "model_versions",
    METADATA,
    Column("model_id", Words, primary_key=True),
    Column("version", String(16), primary_key=True),
    Column("number", Integer, nullable=False),  # of the version; never given twice
    Column("created_at", Moment, nullable=False),
    Column("run_id", Words, nullable=False),
    Column("sha256", String(64), nullable=False),  # of manifest and trees together
    Column("verdict", JSON(none_as_null=True)),
    Column("removed_at", Moment),  # its files are gone; the row keeps its number
)

MODEL_STANDINGS = Table(
    "model_standings",
    METADATA,
    Column("model_id", Words, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("standing", JSON, nullable=False),
    Column("changed_at", Moment, nullable=False),
)

MODEL_CHANGES = Table(
    "model_changes",
    METADATA,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("model_id", Words, nullable=False),
    Column("standing", JSON, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Index(None, "model_id", "seq"),
    sqlite_autoincrement=True,
)
