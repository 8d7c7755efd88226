"""Fetching: only what is missing, from the first source that can, judged before it is kept."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from flows import control
from flows.fetch_offer import fetch_offers
from pipeline.data.intake import judged, leaps
from pipeline.domain.errors import (
    BadRequestError,
    FeedDownError,
    FeedRefusedError,
    MissingBarsError,
    NoBarsError,
)
from pipeline.domain.fetch import FetchReport
from pipeline.domain.market import Timeframe
from pipeline.domain.request import RunStatus
from pipeline.domain.source import LoadStatus, WithheldKind
from tests.kit.sourced import FIRST, ME, NOW, bars, source, sourced_services

WEEK = "/fetch GBPUSD M1 2025-03-03..2025-03-07"


async def idle(services):
    for _ in range(2):  # a run may start another
        for run in await services.runs.newest(10):
            await services.launcher.wait(run.run_id)


async def fetched(services, text):
    run = await control.launch_text(text, ME, services)
    await idle(services)
    ended = await services.runs.get(run.run_id)
    assert ended.status is RunStatus.COMPLETED, ended.error
    return FetchReport.model_validate(ended.report)


async def test_a_week_comes_in_pages_is_judged_and_never_asked_again(tmp_path):
    async with sourced_services(tmp_path) as services:
        report = await fetched(services, WEEK)
        week = bars()[lambda b: b["open_time"] < datetime(2025, 3, 8, tzinfo=UTC)]
        (answer,) = report.answers
        assert (answer.source, answer.bars, answer.added) == ("first", len(week), len(week))
        assert answer.pages > 5 and answer.withheld == 0
        assert (report.held, report.source) == (len(week), "first")
        held = await services.bars.read("GBPUSD", Timeframe.M1)
        assert held["open_time"].tolist() == week["open_time"].tolist()
        (load,) = await services.loads.newest()
        assert load.status is LoadStatus.DONE and load.covered_until == datetime(
            2025, 3, 8, tzinfo=UTC
        )
        asked = len(services.sources["first"].asked)
        again = await fetched(services, WEEK)
        assert again.answers[0].stretches == 0 and "all of it was fetched before" in _told(again)
        assert len(services.sources["first"].asked) == asked
        more = await fetched(services, "/fetch GBPUSD M1 2025-03-03..2025-03-12")
        assert services.sources["first"].asked[asked][2] == datetime(2025, 3, 8, tzinfo=UTC)
        assert more.last == NOW.replace(second=0) - timedelta(minutes=1)


def _told(report):
    from flows.fetch_text import headline, lines

    return "\n".join([headline(report), *lines(report)])


async def test_without_days_it_goes_on_from_the_newest_bar_held(tmp_path):
    async with sourced_services(tmp_path) as services:
        await fetched(services, WEEK)
        asked = len(services.sources["first"].asked)
        report = await fetched(services, "/fetch GBPUSD")
        assert services.sources["first"].asked[asked][2] > datetime(2025, 3, 7, tzinfo=UTC)
        assert report.last == NOW.replace(second=0) - timedelta(minutes=1)


async def test_the_next_source_is_asked_where_the_first_is_down_and_the_report_says_so(tmp_path):
    first = source("first")
    first.troubles.append(FeedDownError("First doesn't answer; try again later."))
    async with sourced_services(tmp_path, first, source("second")) as services:
        report = await fetched(services, WEEK)
        assert [a.source for a in report.answers] == ["first", "second"]
        assert report.source == "second"
        assert "First was passed over: First doesn't answer" in _told(report)
        statuses = [load.status for load in await services.loads.newest()]
        assert statuses == [LoadStatus.DONE, LoadStatus.FAILED]


BROKEN = FeedRefusedError("First broke off.")  # which is not tried again


async def broken(services, text):
    run = await control.launch_text(text, ME, services)
    await idle(services)
    ended = await services.runs.get(run.run_id)
    assert ended.status is RunStatus.FAILED
    return ended


async def test_a_source_that_breaks_off_is_not_followed_by_another_and_a_rerun_goes_on(tmp_path):
    first, second = source("first"), source("second")
    command = "/backtest Frank_raid_v1 GBPUSD M5 2025-03-05..2025-03-07"
    async with sourced_services(tmp_path, first, second) as services:
        first.troubles += [0.0, 0.0, BROKEN]
        ended = await broken(services, f"{WEEK} then {command}")
        assert (
            "First broke off after 1,400 bars: First broke off. What came is kept" in ended.error
        )
        assert second.asked == [] and len(await services.runs.newest(5)) == 1
        (begun,) = await services.loads.newest()
        assert (begun.bars, begun.status) == (1400, LoadStatus.PARTIAL)
        asked = len(first.asked)
        await control.rerun(ended.run_id, ME, services)
        await idle(services)
        assert first.asked[asked][2] == begun.covered_until
        whole = FetchReport.model_validate((await services.runs.get(ended.run_id)).report)
        assert whole.answers[0].bars + 1400 == whole.held
        loads = await services.loads.newest()
        assert sum(load.bars for load in loads) == whole.held
        assert {run.flow_type for run in await services.runs.newest(5)} == {
            "fetch_flow",
            "backtest_flow",
        }


async def test_a_broken_mix_leaves_no_hole_behind(tmp_path):
    first = source("first")
    async with sourced_services(tmp_path, first) as services:
        later = bars()[lambda b: b["open_time"].dt.day >= 10].reset_index(drop=True)
        await services.bars.merge("GBPUSD", Timeframe.M1, later, source="csv: mine.csv", now=NOW)
        first.troubles += [0.0, BROKEN]
        await broken(services, f"{WEEK} mix=yes")
        report = await fetched(services, f"{WEEK} mix=yes")
        held = await services.bars.read("GBPUSD", Timeframe.M1)
        asked = bars()[lambda b: b["open_time"].dt.day != 9]  # the Sunday was not asked for
        assert held["open_time"].tolist() == asked["open_time"].tolist()
        assert report.held == len(held) - len(later)


async def test_a_source_without_these_days_is_passed_over(tmp_path):
    late = bars()[lambda b: b["open_time"].dt.day >= 11].reset_index(drop=True)
    first, second = source("first", late), source("second")
    async with sourced_services(tmp_path, first, second) as services:
        report = await fetched(services, WEEK)
        assert report.source == "second"
        assert "First (cable) has no bars of this period" in _told(report)
    file = "first: {GBPUSD: {name: cable, first: 2025-03-11}}\nsecond: {GBPUSD: cable}\n"
    async with sourced_services(tmp_path / "other", first, second) as services:
        (tmp_path / "other" / "source_symbols.yaml").write_text(file)
        assert [a.source for a in (await fetched(services, WEEK)).answers] == ["second"]


async def test_bars_that_are_gone_or_of_another_name_are_asked_for_again(tmp_path):
    async with sourced_services(tmp_path) as services:
        whole = (await fetched(services, WEEK)).held
        await services.bars.remove("GBPUSD", Timeframe.M1)
        assert (await fetched(services, WEEK)).answers[0].added == whole


async def test_a_price_at_a_quarter_of_the_one_before_is_kept_nowhere(tmp_path):
    first = source("first")
    async with sourced_services(tmp_path, first) as services:
        await fetched(services, WEEK)
        split = bars()
        split[["open", "high", "low", "close"]] /= 4
        first.held["cable", Timeframe.M1] = split
        ended = await broken(services, "/fetch GBPUSD")
        assert "a split, or another market" in ended.error
        assert (await services.quarantine.waiting()) == []


async def test_no_source_can_each_with_its_reason(tmp_path):
    first, second = source("first"), source("second")
    first.troubles.append(FeedDownError("First is down."))
    second.troubles.append(FeedDownError("Second is down."))
    async with sourced_services(tmp_path, first, second) as services:
        run = await control.launch_text(WEEK, ME, services)
        await idle(services)
        ended = await services.runs.get(run.run_id)
        assert ended.status is RunStatus.FAILED
        assert "First: First is down.; Second: Second is down." in ended.error
        with pytest.raises(NoBarsError, match="has no such market"):
            await control.launch_text("/fetch USDJPY M1 2025", ME, services)
        with pytest.raises(BadRequestError, match="no source that is set up") as caught:
            await control.launch_text("/fetch GBPUSD source=third", ME, services)
        assert caught.value.closest == ("first", "second")


async def test_what_is_held_stays_and_a_revised_bar_waits_in_quarantine(tmp_path):
    first = source("first")
    async with sourced_services(tmp_path, first) as services:
        await fetched(services, WEEK)
        changed = bars()
        at = changed.index[100]
        changed.loc[at, ["open", "high", "low", "close"]] += 0.001
        first.held["cable", Timeframe.M1] = changed
        report = await fetched(services, f"{WEEK} again=yes")
        assert report.answers[0].withheld == 1 and report.answers[0].added == 0
        (waiting,) = await services.quarantine.waiting()
        assert (waiting.kind, waiting.open_time) == (
            WithheldKind.REVISED,
            bars()["open_time"][100],
        )
        assert waiting.held[3] == pytest.approx(waiting.prices[3] - 0.001)
        held = await services.bars.read("GBPUSD", Timeframe.M1)
        assert held["close"][100] == bars()["close"][100]
        assert "1 of them wait in quarantine" in _told(report)


async def test_bars_from_elsewhere_are_never_mixed_unless_that_is_said_and_never_overwritten(
    tmp_path,
):
    async with sourced_services(tmp_path) as services:
        middle = bars()[lambda b: b["open_time"].dt.day == 5].reset_index(drop=True)
        middle[["open", "high", "low", "close"]] += 0.002
        await services.bars.merge("GBPUSD", Timeframe.M1, middle, source="csv: mine.csv", now=NOW)
        with pytest.raises(BadRequestError, match=r"are held from csv: mine\.csv") as caught:
            await control.launch_text(WEEK, ME, services)
        assert (
            caught.value.corrected
            == "/fetch GBPUSD M1 2025-03-03..2025-03-07 source=first mix=yes"
        )
        report = await fetched(services, caught.value.corrected)
        assert any("mixed now: from csv: mine.csv and first" in w for w in report.warnings)
        held = await services.bars.read("GBPUSD", Timeframe.M1)
        kept = held[held["open_time"].dt.day == 5]
        assert kept["close"].tolist() == middle["close"].tolist()


async def test_a_chosen_source_is_asked_first(tmp_path):
    async with sourced_services(tmp_path) as services:
        await services.source_choices.choose("GBPUSD", ("second",), NOW)
        assert (await fetched(services, WEEK)).source == "second"


async def test_a_backtest_without_bars_offers_to_fetch_and_follows_once(tmp_path):
    command = "/backtest Frank_raid_v1 GBPUSD M5 2025-03-10..2025-03-11"
    async with sourced_services(tmp_path) as services:
        with pytest.raises(MissingBarsError) as caught:
            await control.launch_text(command, ME, services)
        offers = await fetch_offers(caught.value.wanted, command, services)
        assert [offer.title for offer in offers] == ["First", "Second"]
        assert offers[0].command.endswith(f"..2025-03-11 source=first then {command}")
        run = await control.launch_text(offers[0].command, ME, services)
        await idle(services)
        fetch, test = sorted(await services.runs.newest(5), key=lambda r: r.created_at)
        assert (fetch.run_id, test.flow_type) == (run.run_id, "backtest_flow")
        assert test.status is RunStatus.COMPLETED, test.error
        assert fetch.report["next_run"] == test.run_id
        await control.rerun(run.run_id, ME, services)
        await idle(services)
        assert len(await services.runs.newest(5)) == 2
        assert json.loads(json.dumps(fetch.request))["then"] == command


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("/fetch", "symbol"), ("/fetch NOSUCH 2025", "symbol"), ("/fetch GBPUSD M1 2025 mix=maybe", "mix"),
        ("/fetch GBPUSD M7", "timeframe"), ("/fetch GBPUSD rr=2", "option"), ("/fetch GBPUSD Frank_raid_v1", "text"),
        ("/fetch GBPUSD source=thrid", "source"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named_and_nothing_is_started(tmp_path, text, field):
    async with sourced_services(tmp_path) as services:
        with pytest.raises(BadRequestError) as caught:
            await control.launch_text(text, ME, services)
        assert caught.value.field == field
        assert await services.runs.newest(5) == []


def test_judging_parts_all_bars():
    from tests.kit.plain_services import YamlInstruments

    new = bars().head(500)
    instrument = next(i for i in YamlInstruments()._built_in if i.symbol == "GBPUSD")
    assert leaps(new, new["open"][0] * 4) and not leaps(new, new["open"][0] * 1.5)
    kept, withheld = judged(new, new.head(200), instrument, Timeframe.M1, source="x", now=NOW)
    assert (len(kept), withheld) == (300, [])
    assert FIRST.date() == date(2025, 3, 3)
