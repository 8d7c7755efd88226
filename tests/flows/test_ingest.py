"""Importing a file: questions, receipts, refusals, the trail; and the sample at first start."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pandas as pd
import pytest

from flows.ingest import (
    ImportAnswers,
    ImportQuestion,
    ImportReceipt,
    ensure_sample,
    import_file,
)
from pipeline.domain.bars import PRICES
from pipeline.domain.errors import BadBarsError, BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Actor, AuditEvent, Channel
from storage.bars import ParquetBarStore
from storage.feeds.unpack import FileLimits
from storage.instruments import YamlInstruments
from storage.memory_bars import MemoryBarStore
from tests.kit import bar_files as kit
from tests.kit.real_bars import real_bars

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ACTOR = Actor(channel=Channel.CLI, name="me")


@dataclass
class Trail:
    events: list[AuditEvent] = field(default_factory=list)

    async def append(self, event):
        self.events.append(event)

    async def newest(self, limit=50, run_id=None):
        return self.events[::-1][:limit]


@dataclass
class Services:
    bars: object
    instruments: YamlInstruments = field(default_factory=YamlInstruments)
    audit: Trail = field(default_factory=Trail)


@pytest.fixture
def services():
    return Services(MemoryBarStore())


async def send(services, name, data, **answers):
    return await import_file(name, data, ImportAnswers(**answers), services, ACTOR, NOW)


def same_bars(found, bars):
    for column in ("open_time", *PRICES):
        assert found[column].tolist() == bars[column].tolist(), column


@pytest.mark.parametrize(
    ("real", "name", "maker", "zone", "symbol"),
    [
        (
            "eurusd_m5_mt5_2026",
            "EURUSD_M5_202603261600_202607021535.csv",
            kit.mt5_export,
            "New York+7",
            "EURUSD",
        ),
        ("eurusd_m5_mt5_2026", "EURUSD5.csv", kit.metatrader_comma, "Europe/Athens", "EURUSD"),
        (
            "eurusd_m15_mt5_2018-20",
            "DAT_ASCII_EURUSD_M15.csv",
            kit.histdata_ascii,
            "London-5",
            "EURUSD",
        ),
        (
            "ger40_m5_2025",
            "GER40.cash_M5.csv",
            lambda b, z: kit.mt5_export(b, z, digits=4),
            "New York+7",
            "GER40",
        ),
    ],
)
async def test_real_bars_come_back_as_they_were(services, real, name, maker, zone, symbol):
    bars, timeframe = real_bars(real)
    bars = bars[bars["open_time"].dt.month.isin([2, 3, 4, 5, 6])]
    bars = bars.iloc[: 10_000 if timeframe is Timeframe.M15 else 20_000]
    bars = bars.reset_index(drop=True)
    bars[[*PRICES]] = bars[[*PRICES]].round(4 if symbol == "GER40" else 6)
    data = maker(bars, zone)
    receipt = await send(services, name, data)
    assert isinstance(receipt, ImportReceipt), receipt
    assert (receipt.symbol, receipt.timeframe, receipt.zone) == (symbol, timeframe, zone)
    assert receipt.zone_score > 0.9
    assert (receipt.added, receipt.replaced) == (len(bars), 0)
    assert receipt.quality.score > 0.98
    same_bars(await services.bars.read(symbol, timeframe), bars)
    again = await send(services, name, data)
    assert (again.added, again.replaced) == (0, len(bars))
    holding = (await services.bars.holdings())[0]
    assert (holding.bars, holding.score) == (len(bars), receipt.quality.score)
    assert [e.verdict for e in services.audit.events] == ["accepted", "accepted"]
    assert services.audit.events[0].what["zone"] == zone


async def test_questions_come_one_by_one(services):
    data = kit.any_csv(kit.random_bars(30))
    question = await send(services, "prices.csv", data)
    assert isinstance(question, ImportQuestion)
    assert (question.field, question.choices) == ("day_first", ("day first", "month first"))
    question = await send(services, "prices.csv", data, day_first=True)
    assert question.field == "symbol"
    assert "GER40" in question.choices
    question = await send(services, "prices.csv", data, day_first=True, symbol="dax")
    assert question.field == "zone"
    assert len(question.choices) == len(question.scores) > 3
    receipt = await send(services, "prices.csv", data, day_first=True, symbol="dax", zone="utc")
    assert (receipt.symbol, receipt.zone, receipt.added) == ("GER40", "UTC", 30)
    assert len(services.audit.events) == 1


def test_a_tapped_choice_becomes_an_answer():
    answers = ImportAnswers(symbol="GER40")
    assert answers.answered("day_first", "month first").day_first is False
    assert answers.answered("day_first", "Day first").day_first is True
    assert answers.answered("zone", "New York+7") == ImportAnswers(
        symbol="GER40", zone="New York+7"
    )
    with pytest.raises(BadRequestError, match="day first"):
        answers.answered("day_first", "perhaps")
    with pytest.raises(BadRequestError):
        answers.answered("colour", "red")


async def test_timeframe_is_asked_only_when_nothing_tells(services):
    data = kit.mt5_export(kit.random_bars(2, Timeframe.M15))
    question = await send(services, "EURUSD.csv", data, zone="UTC")
    assert (question.field, question.choices) == ("timeframe", tuple(Timeframe))
    receipt = await send(services, "EURUSD.csv", data, zone="UTC", timeframe="m15")
    assert receipt.timeframe is Timeframe.M15
    named = await send(services, "EURUSD_M15.csv", data, zone="UTC")
    assert (named.added, named.replaced) == (0, 2)


async def test_wrong_timeframe_is_refused(services):
    data = kit.mt5_export(kit.random_bars(200, Timeframe.M5))
    with pytest.raises(BadBarsError, match="M5, not M1"):
        await send(services, "EURUSD.csv", data, zone="UTC", timeframe="M1")
    with pytest.raises(BadRequestError, match="M15"):
        await send(services, "EURUSD.csv", data, zone="UTC", timeframe="M2")
    receipt = await send(services, "EURUSD_M1.csv", data, zone="UTC")
    assert receipt.timeframe is Timeframe.M5


async def test_europes_rule_and_new_yorks_are_told_apart_or_asked(services):
    bars, _ = real_bars("eurusd_m15_mt5_2022-23")
    data = kit.mt5_export(bars, "Europe/Athens")
    question = await send(services, "EURUSD_M15.csv", data)
    assert isinstance(question, ImportQuestion)
    assert "Europe/Athens" in question.choices[:2]
    receipt = await send(services, "EURUSD_M15.csv", data, zone="EET")
    same_bars(await services.bars.read("EURUSD", Timeframe.M15), bars)
    assert receipt.zone == "Europe/Athens"


async def test_an_answer_against_the_evidence_is_taken_with_a_note(services):
    bars, _ = real_bars("eurusd_m5_mt5_2026")
    receipt = await send(services, "EURUSD_M5.csv", kit.mt5_export(bars), zone="UTC+2")
    assert receipt.zone == "UTC+2"
    assert any("speak for New York+7" in note for note in receipt.notes)


@pytest.mark.parametrize("iso", [True, False])
async def test_tradingview_needs_no_clock(services, iso):
    bars = kit.random_bars(500, Timeframe.M5)
    receipt = await send(services, "OANDA_DE30EUR, 5.csv", kit.tradingview(bars, iso=iso))
    assert (receipt.symbol, receipt.zone, receipt.added) == ("GER40", "UTC", 500)


async def test_parquet_of_our_own(services):
    bars, timeframe = real_bars("eurusd_m5_mt5_2026")
    receipt = await send(services, "EURUSD.parquet", kit.parquet(bars))
    assert receipt.zone == "UTC"
    pd.testing.assert_frame_equal(await services.bars.read("EURUSD", timeframe), bars)


async def test_symbol_column_counts_more_than_the_name(services):
    frame = kit.random_bars(50).rename(columns={"open_time": "time"}).assign(symbol="GRXEUR")
    receipt = await send(services, "EURUSD.parquet", kit.parquet(frame))
    assert receipt.symbol == "GER40"
    frame.loc[30:, "symbol"] = "EURUSD"
    with pytest.raises(BadBarsError, match="2 symbols"):
        await send(services, "EURUSD.parquet", kit.parquet(frame))


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02" * 50, "neither text nor parquet"),
        (b"2024.01.02,00:00,1,1,1,1,5\n2024.01.02,00:01,1,abc,1,1,5\n", "line 2"),
        (b"2024.01.02,00:00,1,1,1,1,5\n2024.01.02,00:01,1,1,2,1,5\n", "line 2: high is below low"),
        (
            b"2024.01.02,00:00,1,1,1,1,5\n2024.01.02,00:00,1,1,1,1,5\n",
            "line 2: this time was there",
        ),
        (b"2099.01.02,00:00,1,1,1,1,5\n2099.01.02,00:01,1,1,1,1,5\n", "future"),
    ],
)
async def test_refusals_change_nothing_and_are_on_the_trail(tmp_path, data, word):
    services = Services(ParquetBarStore(tmp_path / "bars"))
    with pytest.raises(BadBarsError, match=word):
        await send(services, "EURUSD_M1.csv", data, zone="UTC")
    assert await services.bars.holdings() == []
    event = services.audit.events[0]
    assert (event.action, event.verdict, event.at) == ("import", "refused", NOW)
    assert word in event.reason
    assert event.what["file"] == "EURUSD_M1.csv"


async def test_unknown_answers_are_refused_with_the_closest(services):
    data = kit.mt5_export(kit.random_bars(30))
    with pytest.raises(BadRequestError) as error:
        await send(services, "x.csv", data, symbol="GER41")
    assert error.value.closest[0] == "GER40"
    with pytest.raises(BadRequestError, match="zone"):
        await send(services, "x.csv", data, symbol="GER40", zone="Mars")


async def test_limits_are_the_callers(services):
    with pytest.raises(BadBarsError, match="MB"):
        await import_file(
            "x.csv", b"1" * 99, ImportAnswers(), services, ACTOR, NOW, FileLimits(max_bytes=50)
        )


async def test_names_with_paths_are_cut(services):
    receipt = await send(
        services, "../../etc/EURUSD_M1.csv", kit.mt5_export(kit.random_bars(30)), zone="UTC"
    )
    assert receipt.source == "MT5 export: EURUSD_M1.csv"


async def test_sample_is_written_once_and_gives_way_to_real_bars(services):
    held = await ensure_sample(services, NOW)
    assert [(h.symbol, h.timeframe, h.synthetic) for h in held] == [
        ("EURUSD", "M1", True),
        ("GER40", "M1", True),
    ]
    assert all(h.score > 0.99 and h.sources == ("SYNTHETIC",) for h in held)
    assert await ensure_sample(services, NOW) == held
    await send(
        services, "EURUSD_M5.csv", kit.mt5_export(kit.random_bars(30, Timeframe.M5)), zone="UTC"
    )
    after = await services.bars.holdings()
    assert [(h.symbol, h.timeframe, h.synthetic) for h in after] == [
        ("EURUSD", "M5", False),
        ("GER40", "M1", True),
    ]
