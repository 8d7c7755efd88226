"""Old months of bars leave the store for the archive folder; no crash loses one, an import brings it back."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from pipeline.domain.market import Timeframe
from storage.bar_upkeep import ParquetBarUpkeep
from tests.contract.test_scans import some_bars

M1 = Timeframe.M1
NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
MONTHS = tuple(datetime(2026, month, 3, 9, tzinfo=UTC) for month in (1, 2, 3, 11))
BEFORE = datetime(2026, 3, 15, tzinfo=UTC)


@pytest.fixture
async def held(stores):
    bars = pd.concat([some_bars(20, each) for each in MONTHS], ignore_index=True)
    await stores.bars().merge("GER40", M1, bars, source="file", now=NOW)
    return bars


async def test_months_that_are_over_are_put_away(stores, held):
    upkeep = stores.upkeep().bars
    assert (await upkeep.old("GER40", M1, BEFORE)).months == ("2026-01", "2026-02")
    found = await upkeep.put_away("GER40", M1, BEFORE)
    assert found.months == ("2026-01", "2026-02")
    left = await stores.bars().read("GER40", M1)
    assert left.equals(held[40:].reset_index(drop=True))
    assert (await upkeep.put_away("GER40", M1, BEFORE)).months == ()
    [holding] = await stores.bars().holdings()
    assert holding.sources == ("file",)


async def test_the_newest_month_stays_and_what_is_not_held_is_no_error(stores, held):
    upkeep = stores.upkeep().bars
    assert len((await upkeep.put_away("GER40", M1, NOW + timedelta(days=900))).months) == 3
    assert len(await stores.bars().read("GER40", M1)) == 20
    assert (await upkeep.put_away("DAX", M1, NOW)).months == ()


async def test_what_was_put_away_can_be_read_by_anybody(stores, held, tmp_path):
    if stores.url is None:
        pytest.skip("memory keeps no files")
    await stores.upkeep().bars.put_away("GER40", M1, BEFORE)
    away = tmp_path / "bars_archive" / "GER40" / "M1"
    names = ["GER40_M1_2026-01.parquet", "GER40_M1_2026-02.parquet"]
    assert sorted(path.name for path in away.iterdir()) == names
    table = pd.read_parquet(away / names[0])
    assert table["close"].tolist() == held["close"][:20].tolist()


async def test_killed_at_any_step_no_month_is_lost(stores, held, tmp_path):
    if stores.url is None:
        pytest.skip("memory dies with its process")
    root = tmp_path / "bars"
    steps = 0
    while True:
        if _lived(steps, root, tmp_path / "bars_archive"):
            break
        away = {path.stem[-7:] for path in (tmp_path / "bars_archive").rglob("*.parquet")}
        kept = {f"{at:%Y-%m}" for at in (await stores.bars().read("GER40", M1))["open_time"]}
        assert away | kept == {f"{each:%Y-%m}" for each in MONTHS}
        steps += 1
    assert steps > 6
    assert len(await stores.bars().read("GER40", M1)) == 40


def _lived(n: int, root: Path, away: Path) -> bool:
    """Put away in a process of its own that dies at the n-th step; whether it came through."""
    child = os.fork()
    if child == 0:
        _die_at(n, root, away)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _die_at(n: int, root: Path, away: Path) -> None:
    """Put away, dying before the n-th change of a file's name; ends the process."""
    count = 0

    def counted(name):
        real = getattr(os, name)

        def step(*words, **more):
            nonlocal count
            if count == n:
                os._exit(9)
            count += 1
            return real(*words, **more)

        setattr(os, name, step)

    for name in ("link", "rename", "replace", "unlink", "fsync", "mkdir"):
        counted(name)
    ParquetBarUpkeep(root, away)._put_away("GER40", M1, BEFORE)
    os._exit(0)
