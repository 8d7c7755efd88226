"""QualityLog: one suite over memory, SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta

from pipeline.domain.data_quality import HoldingQuality, QualityPart
from pipeline.domain.report import Gap

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)


def check(run="run_1", hours=0, **more):
    hole = Gap(start=NOW, end=NOW + timedelta(hours=1), missing=60)
    return HoldingQuality(
        symbol="GER40", timeframe="M1", at=NOW + timedelta(hours=hours), run_id=run, score=0.9,
        bars=10, parts=(QualityPart(name="complete", cost=0.1, said="90 %"),), holes=(hole,),
    ).model_copy(update=more)  # fmt: skip


async def test_the_newest_check_of_a_holding_comes_back_whole(stores):
    kept = stores.quality()
    assert await kept.newest("GER40", "M1") is None
    for one in (check(), check("run_3", 2), check("run_2", 1), check("run_9", 9, symbol="EURUSD"),
                check("run_8", 8, timeframe="M5")):  # fmt: skip
        await kept.keep(one)
    assert await stores.quality().newest("GER40", "M1") == check("run_3", 2)
    assert await kept.newest("GER40", "M1", before_run="run_3") == check("run_2", 1)


async def test_a_run_that_is_repeated_replaces_its_own_check(stores):
    kept = stores.quality()
    await kept.keep(check())
    await kept.keep(check(score=0.5))
    assert await kept.newest("GER40", "M1") == check(score=0.5)
    assert await kept.newest("GER40", "M1", before_run="run_1") is None
