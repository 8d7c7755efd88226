"""Two kept backtests compared: what differs is told, what can't be compared is refused."""

import asyncio

import pytest

from bot import views_compare
from bot.layout import CUT, MESSAGE_LIMIT, units
from flows import backtest_steps as steps
from flows import control
from flows.cli_compare import comparison_lines
from flows.comparing import compare_runs
from flows.comparison_text import CAUSES, MISSED
from flows.stories import STORIES
from pipeline.backtest import book
from pipeline.domain.comparison import Cause
from pipeline.domain.errors import BadBarsError, BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.report import Verdict
from pipeline.domain.request import Actor, Channel, RunStatus
from tests.flows.test_stories import COUNT
from tests.kit.plain_services import NOW, InlineCpu, plain_services, wavy_bars

CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
COMMAND = "Asia_sweep_engulf_v1 EURUSD M5 2025-05-05..2025-05-30"


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path, cpu=InlineCpu(draw=False)) as given:
        yield given


async def launched(command, services):
    run = await control.launch_text(command, CHAT, services)
    await services.launcher.wait(run.run_id)
    return run.run_id


async def test_a_run_and_its_twin_are_the_same(services):
    one, two = await launched(COMMAND, services), await launched(COMMAND, services)
    found, png = await compare_runs(one, two, services)
    assert png.startswith(b"\x89PNG")
    assert found.settings == ()
    assert found.shared > 5
    assert (found.unequal, found.only_one, found.only_two) == (0, (), ())
    assert "The trades are the same in both." in views_compare.comparison(found).text


async def test_another_target_and_another_period_are_told_apart_with_causes(services):
    one = await launched(COMMAND, services)
    two = await launched(COMMAND.replace("05-05", "05-14") + " rr=1 spread=3", services)
    found, _ = await compare_runs(one, two, services)
    told = {pair.field: (pair.one, pair.two) for pair in found.settings}
    assert told["rr_target"] == (None, 1.0)
    assert told["spread"] == (None, 3.0)
    assert "start" in told
    assert "the bars" not in told, "of another period they can't but differ"
    assert found.unequal > 0
    assert {trade.cause for trade in found.only_one} >= {Cause.OUTSIDE}
    assert found.shared + len(found.only_one) == found.figures[0].one
    view, lines = views_compare.comparison(found), comparison_lines(found)
    assert units(view.text) <= MESSAGE_LIMIT
    assert CUT not in view.text
    for text in (view.text, "\n".join(lines)):
        assert "rr target: none → 1" in text
        assert "outside the other's period" in text
        assert "first day: 2025-05-05 → 2025-05-14" in text


async def test_changed_bars_are_told(services):
    one = await launched(COMMAND, services)
    await services.bars.merge("EURUSD", Timeframe.M5, wavy_bars(seed=8), source="other", now=NOW)
    two = await launched(COMMAND, services)
    found, _ = await compare_runs(one, two, services)
    assert [pair.field for pair in found.settings] == ["the bars"]
    assert "the bars differ" in views_compare.comparison(found).text
    assert found.verdict is Verdict.TOO_FEW, "a month has fewer than 30 days with trades"


async def test_other_symbols_are_allowed_and_said(services):
    await services.bars.merge("GBPUSD", Timeframe.M5, wavy_bars(seed=3), source="x", now=NOW)
    one = await launched(COMMAND, services)
    two = await launched(COMMAND.replace("EURUSD", "GBPUSD"), services)
    found, _ = await compare_runs(one, two, services)
    assert not found.matched
    text = views_compare.comparison(found).text
    assert "symbol: EURUSD → GBPUSD" in text
    assert "Different symbols" in text
    assert "instrument" not in text


async def test_what_is_no_finished_backtest_is_refused(services, monkeypatch):
    one = await launched(COMMAND, services)
    with pytest.raises(BadRequestError, match="compared with itself"):
        await compare_runs(one, one, services)
    with pytest.raises(BadRequestError, match="There is no run bt_2020_01_01_001"):
        await compare_runs(one, "bt_2020_01_01_001", services)

    async def fail(*_):
        raise BadBarsError("bar 7 is upside down")

    monkeypatch.setattr(steps, "data_processor", fail)
    failed = await launched(COMMAND, services)
    with pytest.raises(BadRequestError, match=f"{failed} is failed; only finished"):
        await compare_runs(one, failed, services)
    monkeypatch.setitem(STORIES, COUNT.flow_type, COUNT)
    counted = await launched("/count 3", services)
    with pytest.raises(BadRequestError, match=f"{counted} is no backtest"):
        await compare_runs(counted, one, services)


async def test_a_run_under_way_is_refused(services, monkeypatch):
    begun = asyncio.Event()

    async def slow(*_):
        begun.set()
        await asyncio.sleep(30)

    one = await launched(COMMAND, services)
    monkeypatch.setattr(steps, "data_processor", slow)
    run = await control.launch_text(COMMAND, CHAT, services)
    await asyncio.wait_for(begun.wait(), 10)
    with pytest.raises(BadRequestError, match="is running; only finished"):
        await compare_runs(one, run.run_id, services)
    await control.cancel(run.run_id, CHAT, services)
    await services.launcher.wait(run.run_id)
    assert (await services.runs.get(run.run_id)).status is RunStatus.CANCELLED


def test_every_reason_of_a_missed_order_has_its_words():
    reasons = {str(getattr(reason, "value", reason)) for reason, _ in book.MISSED.values()}
    assert reasons <= set(MISSED)


def test_every_cause_has_its_words():
    assert set(CAUSES) == set(Cause)
