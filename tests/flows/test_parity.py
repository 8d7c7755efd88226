"""The parity certificate from the command to the card: healthy days, planted differences, nights."""

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from bot.reports import report_view
from flows import control
from flows.built_in_schedules import keep_built_ins
from flows.cli_reports import lines_of_report
from flows.heartbeat import send_heartbeats
from flows.parity import PARITY_TASKS
from flows.parity_nightly import parity_line
from flows.scheduling import fire_due
from pipeline.domain.errors import BadRequestError, FeedDownError
from pipeline.domain.live import LIVE
from pipeline.domain.market import Timeframe
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel, RunStatus
from pipeline.domain.watch import LiveRules, Watch
from pipeline.live.certificate import Cause, ParityReport
from pipeline.setups.model import SetupVersion
from tests.flows.test_live_scan import CHAT, SPEC, Faulty, Wall, World
from tests.kit.fast_market import OPENED, Anchor
from tests.kit.plain_services import InlineCpu, LibrarySetups, plain_services

ASKER = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
MINUTE = timedelta(minutes=1)
START = OPENED + timedelta(days=3, hours=20)
DAY = f"{START:%Y-%m-%d}"
MIDNIGHT = START.replace(hour=0) + timedelta(days=1)


class Versions(LibrarySetups):
    """Setups whose versions a test decides."""

    def __init__(self):
        super().__init__()
        self.specs = {SPEC.setup_id: SPEC}
        self.known = []

    async def versions(self, setup_id):
        return self.known


@pytest.fixture
async def world(tmp_path):
    wall = Wall(START + timedelta(seconds=1))
    anchor = Anchor(
        market=START, wall=START, speed=1.0, symbols=("EURUSD", "GBPUSD"), days=5, seed=3
    )
    async with plain_services(tmp_path, cpu=InlineCpu(draw=True)) as services:
        market = Faulty(anchor)
        services = replace(services, clock=wall, setups=Versions(), feed=market)
        watch = Watch(
            chat_id=CHAT, symbols=("EURUSD", "GBPUSD"), timeframes=(Timeframe.M5,),
            setups=(SPEC.setup_id,), max_per_hour=1000, max_per_minute=60, zone="UTC",
        )  # fmt: skip
        await services.watches.put(watch, START)
        await services.watches.put_rules(LiveRules(cooldown_minutes=0), START)
        made = World(services, market, wall)
        await made.ready()
        yield made
        await made.session.close()


async def certificate(world, text=f"/parity {DAY}", actor=ASKER):
    run = await control.launch_text(text, actor, world.services)
    await world.services.launcher.wait(run.run_id)
    run = await world.services.runs.get(run.run_id)
    assert run.status is RunStatus.COMPLETED, run.error
    assert [task.task for task in run.tasks] == list(PARITY_TASKS)
    return ParityReport.model_validate(run.report)


async def owed(services, kinds):
    found = []
    while claimed := await services.outbox.claim(services.clock(), lease=MINUTE, limit=100):
        for delivery in claimed:
            found.append(delivery)
            await services.outbox.ack(delivery.id, services.clock(), [1])
    return [d for d in found if d.kind in kinds]


async def test_a_healthy_evening_is_n_of_n(world):
    await world.play(90)
    report = await certificate(world)
    assert report.verdict == "identical"
    rows = await world.services.signals.newest(1000, LIVE)
    assert report.identical == report.signals == len(rows) > 5
    assert (report.symbols, report.setups) == (("EURUSD", "GBPUSD"), (SPEC.setup_id,))
    assert report.timeframes == ("M5",)
    assert (report.features.vectors, report.features.identical) == (len(rows), len(rows))
    assert (report.scans.expected, report.scans.made, report.scans.missed) == (90, 90, ())
    assert all((b.seen, b.held) == (90, 90) for b in report.bars)
    assert report.warnings == ()
    card = report_view(report.model_dump(mode="json")).text
    assert card.startswith(f"✓ {len(rows)} of {len(rows)} signals identical")
    assert "Scans: 90 of 90 closes with a bar" in card
    assert "all as they are held now" in card
    lines = lines_of_report(report.model_dump(mode="json"), world.services.settings.home)
    assert lines[0] == f"IDENTICAL: {len(rows)} of {len(rows)} signals identical"
    kinds = [d.kind for d in await owed(world.services, list(DeliveryKind)) if d.chat_id == 5]
    assert kinds == [DeliveryKind.PROGRESS, DeliveryKind.REPORT, DeliveryKind.DOCUMENT]


async def test_a_day_that_nobody_watched_says_so(world):
    report = await certificate(world)
    assert report.verdict == "nothing"
    assert "Nothing was recorded" in report_view(report.model_dump(mode="json")).text
    await world.play(10)
    assert (await certificate(world, "/parity 2025-03-07")).verdict == "nothing"
    assert (await certificate(world, f"/parity {DAY} GER40")).verdict == "nothing"
    one = await certificate(world, f"/parity {DAY} EURUSD")
    assert one.symbols == ("EURUSD",)


async def test_bars_that_the_feed_adds_or_revises_later_are_named(world):
    await world.play(90)
    healthy = await certificate(world)
    rows = [
        r for r in await world.services.signals.newest(1000, LIVE) if r.signal.symbol == "EURUSD"
    ]
    signal = rows[len(rows) // 2].signal
    bars = world.market._bars["EURUSD"]
    row = int(bars["open_time"].searchsorted(pd.Timestamp(signal.known_at - MINUTE)))
    bars.loc[row, ["close", "low"]] -= 0.02
    report = await certificate(world)
    assert report.verdict == "explained"
    assert {line.cause for line in report.differences} == {Cause.REVISED_BAR}
    assert all(line.symbol == "EURUSD" for line in report.differences)
    (eurusd,) = [b for b in report.bars if b.symbol == "EURUSD"]
    assert eurusd.revised == (signal.known_at - MINUTE,)
    assert report.identical == report.signals - len(report.differences)
    assert report.signals >= healthy.signals
    pictures = report.artifacts["pictures"]
    png = await world.services.archive.get(pictures[0].removeprefix("archive/"))
    assert png[:4] == b"\x89PNG"
    card = report_view(report.model_dump(mode="json")).text
    assert card.startswith("≈")
    assert "Revised bar: bars are held otherwise than live got them" in card
    kinds = [d.kind for d in await owed(world.services, list(DeliveryKind)) if d.chat_id == 5]
    assert kinds.count(DeliveryKind.PHOTO) == 1


async def test_a_gap_of_the_feed_that_was_filled_later_is_named(world):
    whole = world.market._bars["EURUSD"]
    known = await _backtested(world, 90)
    gap = sorted(known)[len(known) // 2] - MINUTE
    world.market._bars["EURUSD"] = whole[whole["open_time"] != gap].reset_index(drop=True)
    await world.play(90)
    world.market._bars["EURUSD"] = whole
    report = await certificate(world)
    assert {line.cause for line in report.differences} == {Cause.FEED_GAP}
    (eurusd,) = [b for b in report.bars if b.symbol == "EURUSD"]
    assert eurusd.missing == (gap,)


async def _backtested(world, minutes):
    from tests.flows.test_live_scan import backtest

    found = await backtest(world, "EURUSD", START, START + minutes * MINUTE)
    return [at for _, at, _ in found]


async def test_closes_that_nobody_scanned_are_counted_and_named(world):
    await world.play(30)
    await world.scan(40)
    await world.play(20)
    report = await certificate(world)
    gap = (START + 31 * MINUTE, START + 69 * MINUTE)
    assert (report.scans.expected, report.scans.made) == (90, 51)
    assert report.scans.missed == (gap,)
    assert report.differences
    assert {line.cause for line in report.differences} == {Cause.SCAN_MISSED}
    assert {line.what for line in report.differences} == {"found too late to be told"}
    assert all(gap[0] <= line.known_at <= gap[1] for line in report.differences)
    assert "none at 20:31–21:09" in report_view(report.model_dump(mode="json")).text


async def test_a_doubted_clock_pauses_what_reads_it_and_is_named(world):
    """Every setup that reads the clock rests; live says nothing where the backtest does."""
    spec = SPEC.model_copy(update={"limits": SPEC.limits.model_copy(update={"flat_at": "23:59"})})
    world.services.setups.specs = {spec.setup_id: spec}
    await world.restart()
    await world.play(20)
    world.market.doubt = "off by an hour"
    await world.play(60)
    world.market.doubt = ""
    await world.play(10)
    report = await certificate(world)
    assert report.differences
    assert {line.cause for line in report.differences} == {Cause.PAUSED}
    assert report.verdict == "explained"


async def test_rules_that_changed_during_the_day_are_named(world):
    await world.play(60)
    changed = SetupVersion(
        setup_id=SPEC.setup_id, rule_version="1.0", author="x", reason="y",
        at=START + 30 * MINUTE, sha256="0", status="active", text="",
    )  # fmt: skip
    world.services.setups.known = [changed]
    kept = world.services.signals
    newest = await kept.newest(1000, LIVE)
    lost = newest[3]
    between = kept.between

    async def without(origin, start, end):
        return [r for r in await between(origin, start, end) if r.signal_id != lost.signal_id]

    kept.between = without
    report = await certificate(world)
    (line,) = report.differences
    assert (line.cause, line.known_at) == (Cause.RULES_CHANGED, lost.signal.known_at)


async def at_night(services, now):
    return [fire.outcome for fire in await fire_due("parity", services, now)] == ["launched"]


async def test_a_night_after_which_nothing_was_scanned_is_passed_over(world):
    await keep_built_ins(world.services, MIDNIGHT)
    (passed,) = await fire_due("parity", world.services, MIDNIGHT + timedelta(minutes=21))
    assert (passed.outcome, passed.reason) == ("skipped", f"nothing was scanned on {DAY}")
    assert await world.services.runs.newest(5) == []


async def test_what_nothing_explains_is_an_alarm_and_told_at_night(world):
    await world.play(60)
    kept = world.services.signals
    lost = (await kept.newest(1000, LIVE))[3]
    between = kept.between

    async def without(origin, start, end):
        return [r for r in await between(origin, start, end) if r.signal_id != lost.signal_id]

    kept.between = without
    await owed(world.services, list(DeliveryKind))
    now = MIDNIGHT + timedelta(minutes=21)
    world.wall.now = now
    await keep_built_ins(world.services, MIDNIGHT)
    assert not await at_night(world.services, MIDNIGHT + timedelta(minutes=19)), "too early"
    assert await at_night(world.services, now)
    assert not await at_night(world.services, now + MINUTE), "once"
    [run] = [r for r in await world.services.runs.newest(5) if r.flow_type == "parity_flow"]
    await world.services.launcher.wait(run.run_id)
    run = await world.services.runs.get(run.run_id)
    assert run.actor.channel is Channel.SCHEDULE
    [trail] = [e for e in await world.services.audit.newest(5) if e.action == "parity"]
    assert (trail.verdict, trail.run_id) == ("accepted", run.run_id)
    report = ParityReport.model_validate(run.report)
    assert report.verdict == "alarm"
    [notice] = await owed(world.services, [DeliveryKind.NOTICE])
    assert notice.chat_id == CHAT
    assert "nothing explains it" in notice.payload["text"]
    assert (
        "live said nothing. Unexplained: same bars, same rules, asked in time"
        in (notice.payload["text"])
    )
    line = await parity_line(world.services, now - timedelta(hours=1))
    assert line == f"Parity of Thu: {report.identical} of {report.signals} signals identical"


async def test_a_vector_that_comes_out_otherwise_is_told_the_owners_in_one_line(world):
    await world.play(60)
    services = world.services
    await services.chats.set_role(77, "owner", world.wall.now)
    kept = services.signals
    wrong = (await kept.newest(1000, LIVE))[2]
    between = kept.between

    async def bent(origin, start, end):
        vector = {**wrong.features, "bar_range": wrong.features["bar_range"] + 1e-9}
        bad = wrong.model_copy(update={"features": vector})
        return [
            bad if r.signal_id == bad.signal_id else r for r in await between(origin, start, end)
        ]

    kept.between = bent
    await owed(services, list(DeliveryKind))
    world.wall.now = now = MIDNIGHT + timedelta(minutes=21)
    await keep_built_ins(services, MIDNIGHT)
    assert await at_night(services, now)
    [run] = [r for r in await services.runs.newest(5) if r.flow_type == "parity_flow"]
    await services.launcher.wait(run.run_id)
    report = ParityReport.model_validate((await services.runs.get(run.run_id)).report)
    assert report.verdict == "identical"
    [difference] = report.features.differences
    assert (difference.signal_id, difference.feature) == (wrong.signal_id, "bar_range")
    notices = await owed(services, [DeliveryKind.NOTICE])
    assert [n.chat_id for n in notices] == [77]
    text = notices[0].payload["text"]
    assert "\n" not in text
    assert f"1 of {report.features.vectors} come out otherwise" in text
    assert f"{wrong.signal_id} {wrong.signal.symbol} M5: bar_range was" in text
    assert report.warnings == (text.removesuffix(f" {START:%a} {DAY}"),)


async def test_at_night_nobody_is_told_that_all_is_well_but_the_sign_of_life(world):
    await world.play(30)
    watch = await world.services.watches.get(CHAT)
    now = MIDNIGHT + timedelta(hours=6, minutes=1)
    world.wall.now = now
    await world.services.watches.put(watch.model_copy(update={"heartbeat": "06:00"}), now)
    await keep_built_ins(world.services, MIDNIGHT)
    assert await at_night(world.services, now)
    [run] = [r for r in await world.services.runs.newest(5) if r.flow_type == "parity_flow"]
    await world.services.launcher.wait(run.run_id)
    await owed(world.services, list(DeliveryKind))
    assert await send_heartbeats(world.services, now) == 1
    [notice] = await owed(world.services, [DeliveryKind.NOTICE])
    assert "signals identical" in notice.payload["text"]
    assert await parity_line(world.services, now + MINUTE) == ""


async def test_a_feed_that_is_down_leaves_the_comparison_with_what_was_seen(world):
    await world.play(30)

    async def down(*given, **more):
        raise FeedDownError("The market does not answer.")

    world.market.bars = down
    report = await certificate(world, f"/parity {DAY} EURUSD")
    assert report.verdict == "explained"
    assert {line.cause for line in report.differences} == {Cause.NO_HISTORY}
    assert [b.held for b in report.bars] == [None]
    assert any("nothing is held to compare" in w for w in report.warnings)


async def test_a_replay_is_certified_by_its_id(tmp_path):
    async with plain_services(tmp_path, scan_processes=0) as services:
        text = (
            "/live replay EURUSD 2025-05-06..2025-05-16 max Asia_sweep_engulf_v1 M5 confidence=0"
        )
        played = await control.launch_text(text, ASKER, services)
        await services.launcher.wait(played.run_id)
        run = await control.launch_text(f"/parity {played.run_id}", ASKER, services)
        await services.launcher.wait(run.run_id)
        run = await services.runs.get(run.run_id)
        report = ParityReport.model_validate(run.report)
        assert report.verdict == "identical", report.differences
        assert report.signals == len(await services.signals.newest(100)) > 3
        assert report.scans.expected == report.scans.made > 1000
        with pytest.raises(BadRequestError, match="no replay live_2020") as refused:
            await control.launch_text("/parity live_2020_01_01_001", ASKER, services)
        assert refused.value.closest == (played.run_id,)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("/parity 2099-01-01", "period"),
        ("/parity 2024", "period"),
        ("/parity yesterday M5", "timeframe"),
        ("/parity rr=2", "option"),
        ("/parity EURUSDD", "symbol"),
        ("/parity yesterday live_2026_01_05_001", "period"),
    ],
)
async def test_what_can_not_be_compared_is_refused_with_a_fix(tmp_path, text, field):
    async with plain_services(tmp_path) as services:
        with pytest.raises(BadRequestError) as refused:
            await control.launch_text(text, ASKER, services)
        assert refused.value.field == field
        assert refused.value.corrected.startswith("/parity")
        assert not await services.runs.newest(5)
