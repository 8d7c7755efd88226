"""A host's view of shared bars; as a program, one of several hosts that merge at once."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from pipeline.domain.market import Timeframe
from storage.bar_cache import BarCache
from storage.bar_index import BarIndexes
from storage.database import Database, open_database
from storage.object_bars import ObjectBarStore
from storage.objects import Access, Objects
from tests.kit.bar_files import random_bars


def shared_bars(
    objects: Objects, database: Database, cache: Path, *, most: int = 10**9
) -> ObjectBarStore:
    rng = np.random.default_rng()
    return ObjectBarStore(
        objects, BarIndexes(database.engine), BarCache(cache, objects, most), rng
    )


async def merge(database_url: str, s3_url: str, endpoint: str, cache: str, part: int) -> None:
    """Merge every second two hundred of 1200 bars."""
    database = open_database(database_url)
    objects = Objects(s3_url, Access(endpoint, "scout", "not-a-secret", "eu-central-1"))
    store = shared_bars(objects, database, Path(cache))
    bars = random_bars(1200, start="2024-01-31 12:00", seed=1)
    for i in range(part, 6, 2):
        piece = bars[i * 200 : i * 200 + 200].reset_index(drop=True)
        await store.merge("EURUSD", Timeframe.M1, piece, source=str(part), now=datetime.now(UTC))
    await database.close()


if __name__ == "__main__":
    *words, number = sys.argv[1:]
    asyncio.run(merge(*words, int(number)))
