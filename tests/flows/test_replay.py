"""A replay by START: held bars through the live path, summed up; what can't be played is refused."""

import asyncio
from datetime import UTC, datetime

import pytest

from flows import control
from flows.replay import REPLAY
from pipeline.domain.errors import BadRequestError
from pipeline.domain.live import LIVE, DecisionKind
from pipeline.domain.market import Timeframe
from pipeline.domain.replay import ReplayReport
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel, RunStatus
from pipeline.setups.engine import detect, find_signals, frames_for
from tests.kit.plain_services import plain_services

CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
NOBODY = Actor(channel=Channel.CLI)
DAY = "2025-05-08"
SETUP = "Asia_sweep_engulf_v1"


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path, scan_processes=0) as given:
        yield given


async def replayed(services, text, actor=CHAT):
    run = await control.launch_text(text, actor, services)
    await services.launcher.wait(run.run_id)
    run = await services.runs.get(run.run_id)
    assert run.status is RunStatus.COMPLETED, run.error
    return run


async def backtest(services, setup_id, start, end):
    spec = await services.setups.get(setup_id)
    bars = await services.bars.read("EURUSD", Timeframe.M5)
    frames = frames_for(bars[bars["close_time"] <= end], Timeframe.M5, spec)
    instrument = await services.instruments.get("EURUSD")
    tools = detect(frames, spec, Timeframe.M5, instrument)
    found = find_signals(frames, tools, spec, Timeframe.M5, instrument)
    return [s for s in found.signals if start < s.known_at <= end]


async def test_some_days_replayed_give_the_backtests_signals(services):
    text = f"/live replay EURUSD 2025-05-06..2025-05-16 max {SETUP} M5 confidence=0"
    run = await replayed(services, text)
    report = ReplayReport.model_validate(run.report)
    span = REPLAY.request.model_validate(run.request).span()
    wanted = await backtest(services, SETUP, *span)
    assert len(wanted) > 3
    rows = await services.signals.between(run.run_id, *span)
    said = [(r.signal.known_at, r.signal.side, r.signal.entry_price) for r in rows]
    assert said == [(s.known_at, s.side, s.entry_price) for s in wanted]
    assert [s.signal_id for s in report.signals] == [r.signal_id for r in rows]
    assert report.outcomes.keys() <= {"TP", "SL", "SESSION_END", "TIME", "EXPIRED", "VOID"}
    assert report.total_r is not None
    assert await services.signals.newest(5, LIVE) == []


async def test_alerts_go_to_the_chat_that_asked_and_to_no_other(services):
    text = f"/live replay EURUSD 2025-05-06..2025-05-09 max {SETUP} M5 confidence=0"
    await replayed(services, text)
    owed = []
    while claimed := await services.outbox.claim(services.clock(), lease=_HOUR, limit=50):
        for delivery in claimed:
            owed.append(delivery)
            await services.outbox.ack(delivery.id, services.clock(), [1])
    assert {d.chat_id for d in owed} == {5}
    assert DeliveryKind.ALERT in {d.kind for d in owed}
    assert owed[-1].kind is DeliveryKind.DOCUMENT or DeliveryKind.REPORT in {d.kind for d in owed}


async def test_without_a_chat_nobody_is_told(services):
    text = f"/live replay EURUSD 2025-05-06..2025-05-09 max {SETUP} M5 confidence=0"
    run = await replayed(services, text, NOBODY)
    assert ReplayReport.model_validate(run.report).signals
    assert await services.outbox.pending() == 0


async def test_its_own_confidence_rules_the_gate(services):
    text = f"/live replay EURUSD 2025-05-06..2025-05-09 max {SETUP} M5"
    strict = ReplayReport.model_validate((await replayed(services, f"{text} confidence=1")).report)
    assert strict.signals
    assert all(s.decision is not DecisionKind.APPROVED for s in strict.signals)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (f"/live replay GER40 {DAY} max", "symbol"),
        ("/live replay EURUSD 2020-01-01 max", "start"),
        (f"/live replay EURUSD {DAY} M1 max", "timeframe"),
    ],
)
async def test_what_cannot_be_played_is_refused_by_field(services, text, field):
    with pytest.raises(BadRequestError) as refused:
        await control.launch_text(text, CHAT, services)
    assert refused.value.field == field
    assert refused.value.closest
    assert await services.runs.newest(5) == []


async def test_a_replay_stopped_in_the_middle_goes_on_where_it_was(services):
    text = f"/live replay EURUSD 2025-05-06..2025-05-16 max {SETUP} M5 confidence=0"
    run = await control.launch_text(text, CHAT, services)
    while not await services.scans.scanned(run.run_id):
        await asyncio.sleep(0.01)
    await control.cancel(run.run_id, CHAT, services)
    await services.launcher.wait(run.run_id)
    assert (await services.runs.get(run.run_id)).status is RunStatus.CANCELLED
    mark = (await services.scans.scanned(run.run_id))["EURUSD"]
    await control.rerun(run.run_id, CHAT, services)
    await services.launcher.wait(run.run_id)
    again = await services.runs.get(run.run_id)
    assert again.status is RunStatus.COMPLETED, again.error
    span = REPLAY.request.model_validate(again.request).span()
    assert span[0] < mark < span[1]
    rows = await services.signals.between(run.run_id, *span)
    wanted = await backtest(services, SETUP, *span)
    assert [r.signal.known_at for r in rows] == [s.known_at for s in wanted]


_HOUR = datetime(2026, 1, 1, 1, tzinfo=UTC) - datetime(2026, 1, 1, tzinfo=UTC)
