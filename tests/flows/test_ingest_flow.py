"""An ingest: what was fetched goes on, one failure stays one, owners hear of trouble once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from flows import control
from flows.built_in_schedules import keep_built_ins, source_schedules
from flows.ingest_text import alarms, ingest_headline, ingest_lines
from pipeline.domain.errors import BadRequestError
from pipeline.domain.ingest import Ingested, IngestReport
from pipeline.domain.market import Timeframe
from pipeline.domain.request import RunStatus
from pipeline.schedule_times import next_times
from tests.kit.deliveries import texts_owed
from tests.kit.sourced import FIRST, ME, NOW, bars, source, sourced_services

M1 = Timeframe.M1
FLOWS = ("ingest_flow", "instrument_flow")


async def ingested(services, text="/ingest"):
    run = await control.launch_text(text, ME, services)
    await services.launcher.wait(run.run_id)
    ended = await services.runs.get(run.run_id)
    assert ended.status is RunStatus.COMPLETED, ended.error
    return IngestReport.model_validate(ended.report)


async def hold(services, until, symbol="GBPUSD", name="first", change=0.0):
    held = bars()[lambda b: b["open_time"] < until].reset_index(drop=True)
    held[["open", "high", "low", "close"]] += change
    await services.bars.merge(symbol, M1, held, source=name, now=NOW)
    return held


async def test_it_goes_on_from_the_newest_bar_and_asks_for_nothing_else(tmp_path):
    async with sourced_services(tmp_path) as services:
        held = await hold(services, datetime(2025, 3, 7, tzinfo=UTC))
        report = await ingested(services)
        (row,) = report.rows
        closed = bars()[lambda b: b["close_time"] <= NOW]
        new = len(closed) - len(held)
        assert (row.symbol, row.source, row.added) == ("GBPUSD", "first", new)
        assert (row.error, row.withheld) == ("", 0) and row.score is not None
        first_asked = services.sources["first"].asked[0][2]
        assert first_asked == held["close_time"].iloc[-1].to_pydatetime()
        assert not services.sources["second"].asked
        now = await services.bars.read("GBPUSD", M1)
        assert now["open_time"].tolist() == closed["open_time"].tolist()
        again = await ingested(services)
        assert again.rows[0].added == 0
        assert ingest_headline(again).startswith("Ingest (end of day): 0 new bars of 1 holding")


async def test_what_did_not_come_from_a_source_is_left_alone(tmp_path):
    async with sourced_services(tmp_path) as services:
        await hold(services, NOW, name="csv: mine.csv")
        await hold(services, NOW, symbol="USDJPY", name="SYNTHETIC")
        report = await ingested(services)
        assert report.rows == () and "/fetch" in ingest_lines(report)[0]
        assert not services.sources["first"].asked


async def test_a_symbol_that_fails_is_told_and_the_others_go_on(tmp_path):
    async with sourced_services(tmp_path, owner_ids="7") as services:
        await hold(services, datetime(2025, 3, 7, tzinfo=UTC))
        await hold(services, datetime(2025, 3, 7, tzinfo=UTC), symbol="EURUSD")  # it has no such
        report = await ingested(services)
        failed, done = sorted(report.rows, key=lambda row: row.symbol)
        assert "No source has EURUSD" in failed.error and done.added > 0
        assert ingest_lines(report)[0].startswith("EURUSD M1 (first): No source has EURUSD")
        (told,) = await texts_owed(services)
        assert told[0] == 7 and told[1].startswith("Bars of EURUSD M1 could not")
        await ingested(services)
        assert await texts_owed(services) == []


async def test_a_check_finds_what_was_revised_and_writes_nothing_over(tmp_path):
    async with sourced_services(tmp_path, owner_ids="7") as services:
        held = await hold(services, datetime(2025, 3, 12, tzinfo=UTC), change=0.01)
        (row,) = (await ingested(services, "/ingest check")).rows
        week = NOW.replace(hour=0, minute=0, second=0) - timedelta(days=7)
        assert row.withheld == int((held["open_time"] >= week).sum())
        stayed = await services.bars.read("GBPUSD", M1, FIRST, datetime(2025, 3, 12, tzinfo=UTC))
        assert stayed.equals(held)
        said = [text for _, text in await texts_owed(services)]
        assert any("wait for your word: /quarantine GBPUSD M1" in text for text in said)


def test_owners_are_told_of_a_fall_of_five_hundredths_and_of_no_smaller_one():
    row = Ingested(symbol="X", timeframe="M1", source="s", score_before=0.9, score=0.85)
    assert [word for word, _ in alarms(row)] == ["score"]
    assert alarms(row.model_copy(update={"score": 0.86})) == []
    assert alarms(row.model_copy(update={"score": 0.95})) == []
    assert alarms(row.model_copy(update={"score_before": None})) == []


@pytest.mark.parametrize("text", ["/ingest daily", "/ingest source=frist", "/ingest GBPUSDD"])
async def test_a_wrong_word_starts_nothing(tmp_path, text):
    async with sourced_services(tmp_path) as services:
        with pytest.raises(BadRequestError):
            await control.launch_text(text, ME, services)
        assert await services.runs.newest() == []


async def test_no_schedule_unless_switched_on(tmp_path):
    async with sourced_services(tmp_path) as services:
        assert source_schedules(services) == ()
        await keep_built_ins(services, NOW)
        flows = {one.flow_name for one in await services.schedules.all()}
        assert "ingest_flow" not in flows


async def test_the_day_ends_in_the_sources_own_zone_on_both_sides_of_a_clock_change(tmp_path):
    york = source("first")
    york._card = york.card.model_copy(update={"clock": "America/New_York"})
    async with sourced_services(tmp_path, york, source("second")) as plain:
        services = replace(
            plain, settings=plain.settings.model_copy(update={"ingest_schedules": True})
        )
        start = datetime(2025, 3, 6, 12, tzinfo=UTC)
        await keep_built_ins(services, start)
        await keep_built_ins(services, start)
        kept = {one.name: one for one in await services.schedules.all()}
        assert {name for name in kept if name.endswith(("-first", "-second"))} == {
            "end-of-day-first", "weekly-check-first", "end-of-day-second", "weekly-check-second",
        }  # fmt: skip
        monthly = kept["instruments"]
        assert (monthly.flow_name, monthly.cron) == ("instrument_flow", "40 4 1 * *")
        mine, at, found = kept["end-of-day-first"], start, []
        for _ in range(5):
            at = next_times(mine, at)[0]
            found.append(at)
        local = [t.astimezone(ZoneInfo("America/New_York")) for t in found]
        assert {(t.hour, t.minute) for t in local} == {(0, 40)}
        assert [t.isoweekday() for t in local] == [5, 6, 2, 3, 4]
        assert {t.hour for t in found} == {5, 4}
        await keep_built_ins(plain, start)
        assert not [o for o in await services.schedules.all() if o.flow_name in FLOWS]
