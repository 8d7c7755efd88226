"""A check of held bars: parts, another source's closes, owners told once of what got worse."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flows import control
from flows.built_in_schedules import keep_built_ins
from flows.quality_text import quality_headline, quality_lines, row_lines
from pipeline.domain.data_quality import DataQualityReport
from pipeline.domain.errors import BadRequestError, FeedDownError
from pipeline.domain.market import Timeframe
from pipeline.domain.request import RunStatus
from pipeline.domain.source import WithheldBar, WithheldKind
from tests.kit.deliveries import texts_owed
from tests.kit.sourced import FIRST, ME, NOW, bars, source, sourced_services

M1 = Timeframe.M1


async def judged(services, text="/quality GBPUSD"):
    run = await control.launch_text(text, ME, services)
    await services.launcher.wait(run.run_id)
    ended = await services.runs.get(run.run_id)
    assert ended.status is RunStatus.COMPLETED, ended.error
    return DataQualityReport.model_validate(ended.report)


async def hold(services, since=FIRST, until=NOW, symbol="GBPUSD", name="first"):
    held = bars()
    held = held[(held["open_time"] < until) & (held["open_time"] >= since)]
    held = held.reset_index(drop=True)
    await services.bars.merge(symbol, M1, held, source=name, now=NOW)


async def test_another_source_is_asked_for_three_days_and_agrees(tmp_path):
    async with sourced_services(tmp_path) as services:
        await hold(services)
        await hold(services, symbol="USDJPY", name="SYNTHETIC")
        whole = await judged(services, "/quality")  # a plain home holds EURUSD too
        assert len(whole.rows) == 2
        assert whole.skipped == ("USDJPY M1: SYNTHETIC, a made-up sample; not judged.",)
        report = await judged(services)
        (row,) = report.rows
        assert (row.compared_with, row.before, row.news) == ("Second", row.score, ())
        assert (row.agreement.days, row.agreement.worst, row.agreement.lags) == (3, 0, ())
        assert not services.sources["first"].asked
        asked = {start.date() for *_, start, _ in services.sources["second"].asked}
        assert len(asked) == 3
        assert row.score == pytest.approx(1 - sum(part.cost for part in row.parts), abs=1e-4)
        assert quality_headline(report) == f"Quality of 1 holding: {row.score:.2f} of 1"
        assert await services.quality.newest("GBPUSD", "M1") == row
        again = await judged(services, "/quality GBPUSD M1")
        assert again.rows[0].before == row.score and again.rows[0].news == ()


async def test_a_source_an_hour_apart_is_told_as_a_shift(tmp_path):
    early = bars()
    early[["open_time", "close_time"]] -= timedelta(hours=1)
    async with sourced_services(tmp_path, source("first"), source("second", early)) as services:
        await hold(services)
        (row,) = (await judged(services)).rows
        assert {lag for _, lag in row.agreement.lags} == {60} and row.agreement.worst == 0
        assert row.parts[-1].cost == pytest.approx(0.2)
        assert any("looks shifted by 60 minutes" in line for line in row_lines(row))


async def test_a_source_that_is_down_or_absent_costs_nothing_and_is_told(tmp_path):
    async with sourced_services(tmp_path) as services:
        await hold(services)
        services.sources["second"].troubles = [FeedDownError("second rests")]
        report = await judged(services)
        part = report.rows[0].parts[-1]
        assert part.cost == 0 and part.said.startswith("Second could not be asked: ")
        assert any("could not be asked" in line for line in quality_lines(report))
    async with sourced_services(tmp_path / "alone", source("first")) as services:
        await hold(services)
        part = (await judged(services)).rows[0].parts[-1]
        assert (part.cost, part.said) == (0, "no other source has it, nothing to compare")


async def test_owners_hear_once_of_what_got_worse(tmp_path):
    async with sourced_services(tmp_path, owner_ids="7") as services:
        await hold(services, until=datetime(2025, 3, 11, tzinfo=UTC))
        await judged(services)
        assert await texts_owed(services) == []
        await hold(services, since=datetime(2025, 3, 12, tzinfo=UTC))
        waits = WithheldBar(
            symbol="GBPUSD", timeframe=M1, open_time=NOW, source="first", kind=WithheldKind.SPIKE,
            prices=(1.0, 1.0, 1.0, 1.0), reason="a spike", at=NOW + timedelta(minutes=1),
        )  # fmt: skip
        await services.quarantine.withhold([waits])
        report = await judged(services)
        ((chat, text),) = await texts_owed(services)
        assert chat == 7 and text.splitlines() == list(report.rows[0].news)
        fell, hole, more = text.splitlines()
        assert fell.startswith("The quality of GBPUSD M1 fell from ")
        assert hole.startswith("GBPUSD M1 has a new hole: 2025-03-1")
        assert more == "1 more of GBPUSD M1 wait for your word: /quarantine GBPUSD M1"


async def test_what_is_not_held_starts_nothing(tmp_path):
    async with sourced_services(tmp_path) as services:
        await hold(services)
        for text in ("/quality GER40", "/quality GBPUSD M5", "/quality daily", "/quality M1 M5"):
            with pytest.raises(BadRequestError):
                await control.launch_text(text, ME, services)
        assert await services.runs.newest() == []


async def test_it_is_scheduled_only_where_that_is_switched_on(tmp_path):
    async with sourced_services(tmp_path) as plain:
        await keep_built_ins(plain, NOW)
        assert "data_quality_flow" not in {o.flow_name for o in await plain.schedules.all()}
        on = plain.settings.model_copy(update={"ingest_schedules": True})
        await keep_built_ins(replace(plain, settings=on), NOW)
        found = [o for o in await plain.schedules.all() if o.flow_name == "data_quality_flow"]
        assert [(o.name, o.cron, o.zone) for o in found] == [
            ("data-quality", "40 4 * * sun", "UTC")
        ]
