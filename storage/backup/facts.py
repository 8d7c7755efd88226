"""What a copy of our database says of itself: its revision, its rows, which files it names."""

from dataclasses import dataclass

from sqlalchemy import Connection, MetaData, func, inspect, select, text

from pipeline.domain.request import RunStatus
from storage.model_tables import MODEL_VERSIONS
from storage.object_archive import named
from storage.operation_tables import BAR_INDEXES
from storage.tables import ARTIFACTS, RUNS

VERSION_TABLE = "alembic_version"
_ACTIVE = (RunStatus.QUEUED.value, RunStatus.RUNNING.value)


@dataclass(frozen=True)
class Facts:
    """What a database holds at one moment.

    Parameters
    ----------
    revision
        Alembic's; empty if there is none.
    rows
        How many each table has.
    unfinished
        Runs that wait or are under way.
    files
        Names in the backup that rows name, each with its hash (empty: unknown).
    """

    revision: str
    rows: dict[str, int]
    unfinished: tuple[str, ...]
    files: dict[str, str]


def facts_of(connection: Connection, *, shared: bool = False) -> Facts:
    """Look into a database of ours, within the caller's transaction.

    With `shared`, files lie in storage that several hosts share.
    """
    return Facts(
        revision=revision_of(connection),
        rows=row_counts(connection),
        unfinished=_unfinished(connection),
        files=_shared_files(connection) if shared else _named_files(connection),
    )


def revision_of(connection: Connection) -> str:
    """Return alembic's revision, empty if no migration has run."""
    if VERSION_TABLE not in inspect(connection).get_table_names():
        return ""
    query = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - our own constant
    return str(connection.execute(query).scalar_one_or_none() or "")


def row_counts(connection: Connection) -> dict[str, int]:
    """Return the rows of each table."""
    known = MetaData()
    known.reflect(connection)
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in known.sorted_tables
    }


def table_names(connection: Connection) -> list[str]:
    """Return the tables there are."""
    return sorted(inspect(connection).get_table_names())


def _unfinished(connection: Connection) -> tuple[str, ...]:
    query = select(RUNS.c.run_id).where(RUNS.c.status.in_(_ACTIVE)).order_by(RUNS.c.seq)
    return tuple(connection.execute(query).scalars())


def _named_files(connection: Connection) -> dict[str, str]:
    artifacts = connection.execute(select(ARTIFACTS.c.path, ARTIFACTS.c.sha256)).all()
    found = {f"home/archive/{path}": str(sha256) for path, sha256 in artifacts}
    return found | {f"home/{name}": "" for name in _models(connection)}


def _shared_files(connection: Connection) -> dict[str, str]:
    artifacts = connection.execute(select(ARTIFACTS.c.path, ARTIFACTS.c.sha256)).all()
    found = {f"objects/{named(path, sha256)}": str(sha256) for path, sha256 in artifacts}
    found |= {f"objects/{name}": "" for name in _models(connection)}
    for symbol, indexes in connection.execute(
        select(BAR_INDEXES.c.symbol, BAR_INDEXES.c.timeframes)
    ):
        for timeframe, index in indexes.items():
            for month in index["months"].values():
                found[f"objects/bars/{symbol}/{timeframe}/{month['file']}"] = ""
    return found


def _models(connection: Connection) -> list[str]:
    v = MODEL_VERSIONS.c
    models = select(v.model_id, v.version).where(v.removed_at.is_(None))
    return [f"models/{m}/{version}/manifest.json" for m, version in connection.execute(models)]
