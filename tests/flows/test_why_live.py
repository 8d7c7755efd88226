"""What live said, beside the gates; and why a signal was decided: real scans, then questions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from flows import control
from flows.inspecting import find_signal
from flows.why import why
from flows.why_live import is_signal, why_signal
from flows.why_text import lines_of, short_lines
from pipeline.domain.live import LIVE, DecisionKind
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Actor, Channel
from pipeline.domain.watch import LiveRules, Mute, Watch
from tests.flows.test_live_scan import CHAT, SPEC, Faulty, Wall, World
from tests.kit.fast_market import OPENED, Anchor
from tests.kit.plain_services import LibrarySetups, plain_services

START = OPENED + timedelta(days=3, hours=8)
SETUP = SPEC.setup_id
ASKER = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)


@pytest.fixture
async def world(tmp_path):
    wall = Wall(START + timedelta(seconds=1))
    anchor = Anchor(market=START, wall=START, speed=1.0, symbols=("EURUSD",), days=5, seed=3)
    async with plain_services(tmp_path, timezone="UTC") as services:
        await services.bars.remove("EURUSD", Timeframe.M5)
        setups = LibrarySetups()
        setups.specs = {SETUP: SPEC}
        market = Faulty(anchor)
        services = replace(services, clock=wall, setups=setups, feed=market)
        watch = Watch(chat_id=CHAT, timeframes=(Timeframe.M5,), max_per_hour=1000)
        await services.watches.put(watch, START)
        await services.watches.put_rules(LiveRules(cooldown_minutes=15), START)
        made = World(services, market, wall)
        await made.ready()
        yield made
        await made.session.close()


async def test_bars_seen_live_answer_where_none_are_held_and_live_tells_what_it_said(world):
    await world.play(120)
    rows = await world.services.signals.newest(100, LIVE)
    kinds = {r.decision.decision for r in rows}
    assert kinds >= {DecisionKind.APPROVED, DecisionKind.SUPPRESSED}
    record = rows[-1]
    await world.services.signals.accepted(record.signal_id, CHAT, 9, world.services.clock())
    close = record.signal.known_at
    (answer,) = await why(f"EURUSD {close:%Y-%m-%d %H:%M} {SETUP} M5", world.services, CHAT)
    assert answer.found.cases[0].complete
    live = answer.live
    assert live[0] == f"Live, asked at the close of {close:%H:%M} (M5): a signal"
    assert live[1].startswith(
        f"Live: {record.signal_id}, {record.signal.side} at {close:%H:%M}: approved (confidence"
    )
    assert "This chat" not in live[1], "it has its alert"
    assert set(live) <= set(lines_of(answer))
    (whole,) = await why(f"EURUSD {close:%Y-%m-%d} {SETUP} M5", world.services)
    assert sum("sig_live_" in line for line in whole.live) == len(rows)
    suppressed = next(r for r in rows if r.decision.decision is DecisionKind.SUPPRESSED)
    (line,) = [line for line in whole.live if f" {suppressed.signal_id}," in line]
    assert "suppressed" in line
    assert f"after {rows[-1].signal_id}" in line or "after sig_live_" in line
    assert "sig_live_" in short_lines([whole])[0]


async def test_a_close_without_a_signal_says_what_live_waited_for(world):
    await world.play(60)
    known = {r.signal.known_at for r in await world.services.signals.newest(100, LIVE)}
    close = next(at for n in range(1, 12) if (at := START + n * timedelta(minutes=5)) not in known)
    (answer,) = await why(f"EURUSD {close:%Y-%m-%d %H:%M} {SETUP} M5", world.services)
    assert answer.live[0].startswith(f"Live, asked at the close of {close:%H:%M} (M5): ")
    (answer,) = await why(f"EURUSD {close:%Y-%m-%d %H:%M} {SETUP} M15", world.services)
    assert answer.live == (), "M15 was not watched"


async def test_why_a_signal_was_decided_so_and_who_heard(world):
    await world.play(120)
    rows = await world.services.signals.newest(100, LIVE)
    services = world.services
    approved = rows[-1]
    await services.signals.accepted(approved.signal_id, CHAT, 9, services.clock())
    told = await why_signal(await find_signal(approved.signal_id, services), services, CHAT)
    text = "\n".join(told)
    assert told[0].startswith(f"{approved.signal_id} · EURUSD M5")
    assert "Approved (decided by: rules)" in text
    assert "The gate now: confidence above 0.70, a person's call from 0.50" in text
    assert "1 chat got an alert" in text
    assert "This chat" not in text
    stranger = "\n".join(await why_signal(approved, services, 99))
    assert "This chat has no alert of it: it does not watch." in stranger
    watch = Watch(chat_id=99, muted={SETUP: Mute()})
    cases = (
        (watch, f"{SETUP} is muted here"),
        (Watch(chat_id=99, symbols=("GER40",)), "it does not watch EURUSD"),
        (Watch(chat_id=99, sound={"approved": "off"}), "signals of that kind are off here"),
        (Watch(chat_id=99), "This chat has no alert of it: held back, or not delivered."),
    )
    for wishes, words in cases:
        await services.watches.put(wishes, services.clock())
        assert words in "\n".join(await why_signal(approved, services, 99))
    silent = next(r for r in rows if r.decision.decision is DecisionKind.SUPPRESSED)
    text = "\n".join(await why_signal(silent, services, CHAT))
    assert "Suppressed by the cooldown" in text
    assert "cooldown until" in text
    assert "Nobody was alerted." in text


async def test_a_replay_speaks_under_its_id(tmp_path):
    async with plain_services(tmp_path, scan_processes=0) as services:
        setup = "Asia_sweep_engulf_v1"
        text = f"/live replay EURUSD 2025-05-06..2025-05-16 max {setup} M5 confidence=0"
        run = await control.launch_text(text, ASKER, services)
        await services.launcher.wait(run.run_id)
        record = (await services.signals.newest(1))[0]
        day = f"{record.signal.known_at:%Y-%m-%d}"
        (answer,) = await why(f"EURUSD {day} {setup} M5", services)
        assert any(line.startswith(f"Replay {run.run_id}: sig_live_") for line in answer.live)
        (other,) = await why(f"EURUSD 2025-05-20 {setup} M5", services)
        assert other.live == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("sig_live_012", True), (" SIG_LIVE_7 ", True), ("12", False),
        ("EURUSD sig_live_012", False), ("GER40 2025-03-10", False),
    ],
)  # fmt: skip
def test_only_an_id_alone_names_a_signal(text, named):
    assert is_signal(text) is named
