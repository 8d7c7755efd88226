"""How long bars take to read from shared storage: a full year of M1, cached and not.

    python -m bench.shared_bars

The S3 server is moto's in this process: figures of the way there and back, not of a real network.
"""

import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from pipeline.domain.market import Timeframe
from storage.bars import ParquetBarStore
from storage.database import migrate, open_database
from tests.kit.bar_files import random_bars
from tests.kit.s3 import S3
from tests.kit.servers import Postgres, running
from tests.kit.shared_bars import shared_bars

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BARS = 372_000


async def timed(name, read, times=7):
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        bars = await read()
        took.append((time.perf_counter() - begun) * 1000)
    print(f"{name:44} median {statistics.median(took):7.1f} ms, worst {max(took):7.1f} ms, "
          f"{len(bars):,} bars", flush=True)  # fmt: skip


async def main() -> None:
    bars = random_bars(BARS, start="2024-01-01")
    last = bars["open_time"].iloc[-1].to_pydatetime()
    s3, home = S3(), Path(tempfile.mkdtemp(prefix="scout-bars-"))
    with running(Postgres) as postgres:
        url = postgres.url("bars")
        await migrate(url)
        database, objects = open_database(url), s3.objects()
        disk = ParquetBarStore(home / "disk")
        store = shared_bars(objects, database, home / "cache")
        for name, each in (("disk", disk), ("shared", store)):
            begun = time.perf_counter()
            await each.merge("EURUSD", Timeframe.M1, bars, source="f", now=NOW)
            print(f"merge of all, {name}: {time.perf_counter() - begun:.2f} s", flush=True)
        size = sum(each.size for each in objects.listed("bars").values())
        print(f"{len(objects.listed('bars'))} objects, {size / 1e6:.1f} MB")
        month = last.replace(day=1, hour=0, minute=0)
        await timed("disk, all", lambda: disk.read("EURUSD", Timeframe.M1))
        await timed("shared, all, cached", lambda: store.read("EURUSD", Timeframe.M1))
        await timed(
            "shared, last month, cached", lambda: store.read("EURUSD", Timeframe.M1, month)
        )
        count = iter(range(100))

        def fresh():
            return shared_bars(objects, database, home / f"cache{next(count)}")

        await timed("shared, all, not cached", lambda: fresh().read("EURUSD", Timeframe.M1))
        await timed(
            "shared, last month, not cached", lambda: fresh().read("EURUSD", Timeframe.M1, month)
        )
        await database.close()
    s3.stop()


if __name__ == "__main__":
    asyncio.run(main())
