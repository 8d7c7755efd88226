"""Instrument information: each source's word, asked when old; splits and names are told once."""

from datetime import date, timedelta

import pytest

from flows import control, instrument_desk
from flows.instrument_desk import info
from flows.instrument_text import info_lines, instruments_headline
from pipeline.domain.errors import BadRequestError, FeedDownError
from pipeline.domain.instrument_info import InstrumentsReport
from pipeline.domain.market import Timeframe
from pipeline.domain.request import RunStatus
from pipeline.domain.source import InstrumentFacts
from storage.memory import MemorySource
from storage.memory.sources import CARD
from tests.kit.deliveries import texts_owed
from tests.kit.sourced import ME, NOW, bars, sourced_services

FACTS = InstrumentFacts(
    source="first", symbol="GBPUSD", name="cable", title="Cable <b>\nLtd", kind="pair",
    currency="USD", figures={"shares": 1000.0},
)  # fmt: skip


def said_by(name, **more):
    card = CARD.model_copy(update={"name": name, "title": name.title(), **more})
    return MemorySource(card=card, facts={"cable": FACTS})


def counted(source):
    calls, ask = [], source.facts

    async def facts(symbol, now):
        calls.append(now)
        return await ask(symbol, now)

    source.facts = facts
    return calls


async def test_ours_and_each_sources_word_with_failures_a_line_each(tmp_path, monkeypatch):
    monkeypatch.setattr(instrument_desk, "PATIENCE", 0.05)
    down, slow = said_by("second"), said_by("slow")
    down.troubles.append(FeedDownError("It is down."))
    slow.troubles.append(5.0)
    keyless, silent = said_by("keyless", lacks="SOME_KEY"), said_by("silent")
    silent._facts = {}
    sources = (said_by("first"), down, slow, keyless, silent)
    async with sourced_services(tmp_path, *sources) as services:
        told = info_lines(await info("/info gbp/usd", services))
        assert told[0].startswith("GBPUSD: ") and told[1].startswith("Point 0.0001, tick ")
        first = "First (2025-03-12 14:37 UTC): Cable <b> Ltd, pair, in USD, shares 1,000"
        assert told[4:] == [
            first, "Second: It is down.", "Slow: no answer within 0.05 s",
            "Keyless: needs SOME_KEY", "Silent: says nothing of it",
        ]  # fmt: skip
        for text in ("/info", "/info GBPUSD M5", "/info GBPUSX"):
            with pytest.raises(BadRequestError):
                await info(text, services)


async def test_what_is_fresh_is_not_asked_again_and_what_fails_keeps_its_last_word(tmp_path):
    source = said_by("first")
    calls = counted(source)
    async with sourced_services(tmp_path, source, owner_ids="7") as services:
        await info("/info GBPUSD", services)
        services.clock.now = NOW + timedelta(hours=11)
        await info("/info GBPUSD", services)
        assert len(calls) == 1
        services.clock.now = NOW + timedelta(hours=12)
        source.troubles.append(FeedDownError("It is down."))
        told = info_lines(await info("/info GBPUSD", services))
        assert len(calls) == 2
        assert told[-2].startswith("First (2025-03-12 14:37 UTC): Cable")
        assert told[-1] == "First: It is down."
        assert await texts_owed(services) == []


async def test_all_held_symbols_are_looked_up_and_a_split_is_told_to_owners_once(tmp_path):
    source = said_by("first")
    async with sourced_services(tmp_path, source, owner_ids="7") as services:
        await services.bars.merge("GBPUSD", Timeframe.M1, bars(), source="first", now=NOW)
        await services.bars.merge("USDJPY", Timeframe.M1, bars(), source="SYNTHETIC", now=NOW)
        report = await looked_up(services)
        assert [s.symbol for s in report.symbols] == ["EURUSD", "GBPUSD"]
        assert await texts_owed(services) == []
        split = {"splits": ((date(2025, 3, 1), 4.0),), "renamed_to": "kabel", "active": False}
        source._facts["cable"] = FACTS.model_copy(update=split)
        report = await looked_up(services)
        assert instruments_headline(report) == "Instruments: 2 looked up, 3 new"
        said = [text for _, text in await texts_owed(services)]
        assert len(said) == 3
        assert said[0].startswith("GBPUSD was split 4 for 1 on 2025-03-01, says First.")
        assert said[1].startswith("GBPUSD is called kabel now")
        await looked_up(services)
        assert await texts_owed(services) == []


async def looked_up(services):
    run = await control.launch_text("/instruments", ME, services)
    await services.launcher.wait(run.run_id)
    ended = await services.runs.get(run.run_id)
    assert ended.status is RunStatus.COMPLETED, ended.error
    return InstrumentsReport.model_validate(ended.report)


async def test_a_wrong_symbol_starts_nothing(tmp_path):
    async with sourced_services(tmp_path) as services:
        with pytest.raises(BadRequestError):
            await control.launch_text("/instruments GBPUSX", ME, services)
        assert await services.runs.newest() == []
