"""Where files lie: in the home, or where several hosts share them. Either set fits the other."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypedDict

import numpy as np
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.archive import FileArchive
from storage.archive_upkeep import FileArchiveUpkeep
from storage.bar_cache import BarCache
from storage.bar_index import BarIndexes
from storage.bar_upkeep import ParquetBarUpkeep
from storage.bars import ParquetBarStore
from storage.database_care import care_of
from storage.model_files import ModelFiles
from storage.model_ports import ModelRegistry
from storage.model_registry import FileModelRegistry
from storage.object_archive import ObjectArchive
from storage.object_archive_upkeep import ObjectArchiveUpkeep
from storage.object_bars import ObjectBarStore
from storage.object_models import ObjectModels
from storage.object_port import SharedObjects
from storage.ports import Archive, BarStore, SetupStore
from storage.retention import SqlRetention
from storage.setup_files import FileSetupStore, builtin_library
from storage.shared_setups import SharedSetups
from storage.upkeep_ports import Upkeep

_MB = 1_000_000


class Places(TypedDict):
    """The stores that keep files, by their names among the services."""

    bars: BarStore
    archive: Archive
    models: ModelRegistry
    setups: SetupStore
    upkeep: Upkeep


def places_at_home(home: Path, engine: AsyncEngine, clock: Callable[[], datetime]) -> Places:
    """Return the stores of a host that shares nothing: all files are in its home."""
    files = FileArchiveUpkeep(home / "archive", engine)
    bars = ParquetBarUpkeep(home / "bars", home / "bars_archive")
    return Places(
        bars=ParquetBarStore(home / "bars"),
        archive=FileArchive(home / "archive", engine, clock),
        models=FileModelRegistry(ModelFiles(home / "models"), engine),
        setups=FileSetupStore(builtin_library(), home / "rules", home / "versions"),
        upkeep=Upkeep(SqlRetention(engine), files, care_of(engine), bars),
    )


def shared_places(
    objects: SharedObjects,
    home: Path,
    engine: AsyncEngine,
    clock: Callable[[], datetime],
    *,
    cache_mb: int,
) -> Places:
    """Return the stores of hosts that share `objects`; the home has copies and the cache."""
    cache = BarCache(home / "cache" / "bars", objects, cache_mb * _MB)
    folders = home / "rules", home / "versions"
    setups = FileSetupStore(builtin_library(), *folders)
    files = ObjectArchiveUpkeep(objects, engine)
    return Places(
        bars=ObjectBarStore(objects, BarIndexes(engine), cache, np.random.default_rng()),
        archive=ObjectArchive(objects, engine, clock),
        models=FileModelRegistry(ObjectModels(objects), engine),
        setups=SharedSetups(setups, folders, objects, engine),
        upkeep=Upkeep(SqlRetention(engine), files, care_of(engine)),
    )
