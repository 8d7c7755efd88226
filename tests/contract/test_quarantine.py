"""Quarantine: one suite over memory, SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta

from pipeline.domain.market import Timeframe
from pipeline.domain.source import WithheldBar, WithheldKind

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)


def bar(minute=0, close=1.0, **more):
    return WithheldBar(
        symbol="GER40", timeframe=Timeframe.M1, open_time=NOW + timedelta(minutes=minute), source="dukascopy",
        kind=WithheldKind.REVISED, prices=(1.0, 2.0, 0.5, close), held=(1.0, 2.0, 0.5, 1.1), reason="other prices",
        at=NOW,
    ).model_copy(update=more)  # fmt: skip


async def test_a_bar_waits_once_until_it_is_settled_and_does_not_come_back(stores):
    place = stores.quarantine()
    assert await place.withhold([bar(1), bar(0), bar(0, symbol="EURUSD")]) == 3
    assert await place.withhold([bar(1), bar(1, close=1.5)]) == 1
    waiting = await stores.quarantine().waiting()
    assert [(b.symbol, b.open_time.minute, b.prices[3]) for b in waiting] == [
        ("EURUSD", 0, 1.0), ("GER40", 0, 1.0), ("GER40", 1, 1.0), ("GER40", 1, 1.5),
    ]  # fmt: skip
    assert waiting[1] == bar(0)
    assert await place.settle([bar(1), bar(7)], "accepted", NOW) == 1
    assert await place.settle([bar(1)], "discarded", NOW) == 0
    assert await place.withhold([bar(1)]) == 0
    assert [b.open_time.minute for b in await place.waiting("GER40")] == [0, 1]
    assert await place.waiting("GER40", Timeframe.M5) == []


async def test_very_many_at_once(stores):
    place = stores.quarantine()
    many = [bar(n) for n in range(1200)]
    assert await place.withhold(many) == 1200
    assert await place.settle(many, "discarded", NOW) == 1200
    assert await place.waiting() == []
