"""InstrumentFactsStore: one suite over memory, SQLite and PostgreSQL."""

from datetime import UTC, date, datetime, timedelta

from pipeline.domain.source import InstrumentFacts, KeptFacts

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
FACTS = InstrumentFacts(
    source="yahoo", symbol="AAPL", name="AAPL", title="Apple <b>Inc.</b> Ä", kind="stock",
    figures={"shares": 1.5e10}, splits=((date(2020, 8, 31), 4.0),),
)  # fmt: skip


async def test_the_newest_is_kept_and_the_one_before_is_given_back(stores):
    facts = stores.facts()
    assert await facts.of("AAPL") == []
    assert await facts.keep(FACTS, NOW) is None
    other = FACTS.model_copy(update={"source": "alpaca", "active": False})
    assert await facts.keep(other, NOW) is None
    later = FACTS.model_copy(update={"renamed_to": "APPL"})
    assert await facts.keep(later, NOW + timedelta(hours=1)) == FACTS
    assert await facts.keep(FACTS.model_copy(update={"symbol": "MSFT"}), NOW) is None
    assert await stores.facts().of("AAPL") == [
        KeptFacts(other, NOW), KeptFacts(later, NOW + timedelta(hours=1)),
    ]  # fmt: skip
