"""What becomes of signals after their alerts: told once, edited, labelled; nothing contradicts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from PIL import Image

from flows.cpu import ProcessDiedError
from flows.outcomes import follow_signals
from pipeline.domain.errors import StoreDownError
from pipeline.domain.live import LIVE, AlertFor, Answer, DecisionKind, LifeState, Paper
from pipeline.domain.market import Timeframe
from pipeline.domain.report import DeliveryKind
from pipeline.domain.trade import EntryType
from pipeline.render.pixels import PixelMap
from tests.kit.deliveries import owed
from tests.kit.live_bars import minutes_of, see
from tests.kit.live_signals import CLOSE, hand_made
from tests.kit.plain_services import NOW, InlineCpu, plain_services
from tests.kit.stored_services import stored_services

CHATS = (7, 8)
LIMIT = {
    "entry_type": EntryType.LIMIT,
    "entry_price": 1.0995,
    "expires_at": CLOSE + timedelta(minutes=10),
}


@pytest.fixture
async def services(kept_in, tmp_path):
    async with stored_services(tmp_path / "home", kept_in, default_slippage=0.0) as found:
        yield found


async def admitted(services, draft, chats=CHATS):
    alerts = [AlertFor(chat_id=chat) for chat in chats]
    admission = await services.signals.admit(draft, alerts, cooldown=timedelta(0), now=NOW)
    return admission.record.signal_id


async def followed(services, *closes, start=CLOSE, **how):
    """Bars come one by one; return what each of them brought, and all that chats were owed."""
    bars, changes = minutes_of(*closes, start=start), []
    for row in range(len(bars)):
        seen = await see(services, bars[row : row + 1].reset_index(drop=True), **how)
        origin = how.get("origin", LIVE)
        changes.append(await follow_signals(origin, seen, services, now=services.clock()))
    return changes


def kinds(deliveries):
    return [(d.kind.value, d.chat_id) for d in deliveries]


async def test_a_signal_is_filled_then_hits_its_target(services):
    name = await admitted(services, hand_made(tf=Timeframe.M1))
    assert kinds(await owed(services.outbox)) == [("alert", 7), ("alert", 8)]

    assert await followed(services, 0, 0.5) == [1, 0]
    record = await services.signals.get(name)
    assert (record.life.state, record.life.entry_time) == (LifeState.OPEN, CLOSE)
    # Filled: the captions change, and nobody is pinged.
    assert kinds(await owed(services.outbox)) == [("alert", 7), ("alert", 8)]

    later = CLOSE + timedelta(minutes=2)
    assert await followed(services, 1, 2.1, 3, start=later) == [0, 1, 0]
    record = await services.signals.get(name)
    assert record.life.state is LifeState.CLOSED
    assert record.life.trade.exit_price == pytest.approx(1.102)
    told = await owed(services.outbox)
    assert sorted(kinds(told)) == [("alert", 7), ("alert", 8), ("outcome", 7), ("outcome", 8)]
    (reply, _) = (d for d in told if d.kind is DeliveryKind.OUTCOME)
    path = f"annotated/{name}_outcome.png"
    assert reply.payload == {"signal_id": name, "state": "closed", "chart": path}
    assert await services.archive.get(path)

    (label,) = await services.signals.labels(LIVE)
    assert (label.label, label.exit_reason, label.human) == (1, "TP", "")
    assert label.rr == record.life.trade.rr
    assert label.resolved_at == CLOSE + timedelta(minutes=4)


async def test_an_order_that_expires_or_is_spoilt_is_told_with_its_chart(services):
    expired = await admitted(services, hand_made(tf=Timeframe.M1, **LIMIT))
    spoilt = await admitted(
        services,
        hand_made(CLOSE + timedelta(minutes=1), tf=Timeframe.M1, void_close_above=1.1008, **LIMIT),
    )
    await owed(services.outbox)
    await followed(services, 0.1, 0.2, 0.9, *[0.5] * 10)
    lives = {n: (await services.signals.get(n)).life for n in (expired, spoilt)}
    assert [life.state for life in lives.values()] == [LifeState.EXPIRED, LifeState.VOID]
    replies = [d for d in await owed(services.outbox) if d.kind is DeliveryKind.OUTCOME]
    assert {d.payload["state"] for d in replies} == {"expired", "void"}
    assert len(replies) == 4
    rows = {row.signal_id: row for row in await services.signals.labels()}
    assert [(rows[n].label, rows[n].rr) for n in (expired, spoilt)] == [(None, None)] * 2
    assert [rows[n].exit_reason for n in (expired, spoilt)] == ["EXPIRED", "VOID"]


@pytest.mark.parametrize(
    "kind", [DecisionKind.REJECTED, DecisionKind.SUPPRESSED, DecisionKind.LATE]
)
async def test_signals_that_nobody_heard_of_become_labels_and_no_messages(services, kind):
    name = await admitted(services, hand_made(tf=Timeframe.M1, kind=kind), chats=())
    await followed(services, 0, -0.5, -1.1)
    assert await owed(services.outbox) == []
    (label,) = await services.signals.labels()
    assert (label.signal_id, label.label, label.decision) == (name, 0, kind.value)
    assert label.rr == pytest.approx(-1.0, abs=0.05)
    assert await services.archive.of_run("live_2025_03_10_001") == []


async def test_longer_bars_are_judged_at_their_own_closes(services):
    """The target was passed in the third minute; an M5 signal says so when its bar is over."""
    await admitted(services, hand_made(tf=Timeframe.M5))
    assert await followed(services, 0, 0.5, 2.5, 2, 2) == [0, 0, 0, 0, 1]


async def test_what_was_told_is_not_told_again(services):
    name = await admitted(services, hand_made(tf=Timeframe.M1))
    bars = minutes_of(0, 1, 2.1)
    closes = await see(services, bars)
    assert await follow_signals(LIVE, closes, services, now=NOW) == 1
    before = len(await owed(services.outbox))
    assert await follow_signals(LIVE, closes, services, now=NOW) == 0
    assert await owed(services.outbox) == []
    assert before == 2 + 2  # the alerts were sent as they stood at last, then the replies
    assert (await services.signals.get(name)).life.state is LifeState.CLOSED


async def test_a_catch_up_says_the_same_as_bar_by_bar(services, tmp_path):
    closes = (0, 0.4, -0.6, 0.2, 1.2, 0.9, 2.3, 0)
    draft = hand_made(tf=Timeframe.M1)
    name = await admitted(services, draft)
    await followed(services, *closes)
    async with plain_services(tmp_path / "other", default_slippage=0.0) as other:
        assert await admitted(other, draft) == name
        seen = await see(other, minutes_of(*closes))
        await follow_signals(LIVE, seen, other, now=NOW)
        one, two = await services.signals.get(name), await other.signals.get(name)
        assert one.life == two.life
        assert await services.signals.labels() == await other.signals.labels()


async def test_only_symbols_that_advanced_of_that_origin_are_looked_at(services):
    replay = "live_2025_03_11_001"
    mine = await admitted(services, hand_made(tf=Timeframe.M1, origin=replay))
    others = await admitted(services, hand_made(tf=Timeframe.M1))
    assert await followed(services, 0, 2.1, origin=replay) == [1, 1]
    assert (await services.signals.get(mine)).life.state is LifeState.CLOSED
    assert (await services.signals.get(others)).life.state is LifeState.WAITING
    assert await follow_signals(LIVE, {"GER40": NOW}, services, now=NOW) == 0
    assert await follow_signals(LIVE, {}, services, now=NOW) == 0
    assert [row.source for row in await services.signals.labels()] == [replay]


async def test_nothing_is_computed_where_nothing_is_followed(services):
    closes = await see(services, minutes_of(0, 1))
    assert await follow_signals(LIVE, closes, services, now=NOW) == 0
    assert services.cpu.calls == []


class Torn(InlineCpu):
    """Dies on one symbol's bars."""

    async def run(self, fn, *args, **kwargs):
        if fn.__name__ == "lives" and args[0].instrument.symbol == "GER40":
            raise ProcessDiedError("out of memory")
        return await super().run(fn, *args, **kwargs)


async def test_a_symbol_that_fails_holds_up_no_other(services):
    await admitted(services, hand_made(tf=Timeframe.M1, symbol="NOSUCH"))
    await admitted(services, hand_made(tf=Timeframe.M1, symbol="GER40"))
    name = await admitted(services, hand_made(tf=Timeframe.M1))
    bars = minutes_of(0, 2.1)
    closes = {}
    for symbol in ("EURUSD", "NOSUCH", "GER40"):
        closes |= await see(services, bars, symbol=symbol)
    assert await follow_signals(LIVE, closes, replace(services, cpu=Torn()), now=NOW) == 1
    assert (await services.signals.get(name)).life.state is LifeState.CLOSED
    assert await follow_signals(LIVE, closes, services, now=NOW) == 1  # GER40, looked at again


async def test_what_could_not_be_written_is_told_at_the_next_close(services, monkeypatch):
    names = [
        await admitted(services, hand_made(tf=Timeframe.M1, setup_id=setup))
        for setup in ("Frank_raid_v1", "IB_raid_v1")
    ]
    closes = await see(services, minutes_of(0, 2.1))
    plain = services.signals.live_on

    async def torn(signal_id, *args, **kwargs):
        if signal_id == names[0]:
            raise StoreDownError("The database doesn't answer.")
        return await plain(signal_id, *args, **kwargs)

    monkeypatch.setattr(services.signals, "live_on", torn)
    assert await follow_signals(LIVE, closes, services, now=NOW) == 1
    monkeypatch.undo()
    assert await follow_signals(LIVE, closes, services, now=NOW) == 1
    replies = [d for d in await owed(services.outbox) if d.kind is DeliveryKind.OUTCOME]
    assert len(replies) == 4


async def test_an_outcome_without_its_picture_is_told_all_the_same(services, monkeypatch):
    await admitted(services, hand_made(tf=Timeframe.M1), chats=(7,))
    plain = services.cpu.run

    async def run(fn, *args, **kwargs):
        if fn.__name__ == "draw_outcome":
            raise RuntimeError("no ink")
        return await plain(fn, *args, **kwargs)

    monkeypatch.setattr(services.cpu, "run", run)
    await followed(services, 0, 2.1)
    replies = [d for d in await owed(services.outbox) if d.kind is DeliveryKind.OUTCOME]
    assert [d.payload["chart"] for d in replies] == [""]


async def test_the_picture_joins_held_bars_and_those_seen(tmp_path):
    at = datetime(2025, 5, 13, 9, 0, tzinfo=UTC)
    async with plain_services(tmp_path, cpu=InlineCpu(draw=True)) as services:
        held = await services.bars.read("EURUSD", Timeframe.M5, at - timedelta(hours=1), at)
        entry = float(held["close"].iloc[-1])
        name = await admitted(services, hand_made(at, entry=entry, tf=Timeframe.M5))
        seen = await see(services, minutes_of(*[0.5] * 5, *[2.5] * 5, start=at, entry=entry))
        await follow_signals(LIVE, seen, services, now=NOW)
        (artifact,) = await services.archive.of_run("live_2025_03_10_001")
        assert (artifact.role, artifact.path) == ("outcome", f"annotated/{name}_outcome.png")
        image = Image.open(BytesIO(await services.archive.get(artifact.path)))
        assert image.size == (1080, 1350)
        mapping = PixelMap.model_validate(artifact.meta["mapping"])
        assert mapping.times[0] < (at - timedelta(hours=3)).timestamp()
        assert mapping.times[-1] > at.timestamp()


async def test_a_paper_trade_is_followed_from_the_approval_on(services):
    """Approved two minutes late at a worse price: the same stop and target, another result."""
    name = await admitted(services, hand_made(tf=Timeframe.M5), chats=(7,))
    record = await services.signals.get(name)
    at = CLOSE + timedelta(minutes=2, seconds=10)
    paper = Paper(plan=record.plan.model_copy(update={"known_at": at}))
    answer = Answer(choice="approved", user_id=1, name="Ann", at=NOW)
    await services.signals.answer(name, record.ticket, answer, paper=paper, now=NOW)
    await followed(services, 0, 0.2, 0.4, 0.4, 0.6)
    record = await services.signals.get(name)
    assert (record.life.entry_price, record.paper.life.entry_price) == pytest.approx(
        (1.10001, 1.10041),
        abs=1e-9,  # the instrument's slippage, as in a backtest
    )
    await followed(services, 1, 2.1, 2, 2, 2, start=CLOSE + timedelta(minutes=5))
    record = await services.signals.get(name)
    assert record.life.trade.rr == pytest.approx(1.99 / 1.01)
    assert record.paper.life.trade.rr == pytest.approx(1.59 / 1.41)
    assert await services.signals.following(LIVE) == []
    (label,) = await services.signals.labels()
    assert (label.human, label.rr) == ("taken", record.life.trade.rr)


async def test_a_paper_trade_that_outlives_its_signal_is_followed_on(services):
    """The signal's limit was filled before the approval; the paper's own waits on."""
    draft = hand_made(tf=Timeframe.M1, entry_type=EntryType.LIMIT, entry_price=1.0998)
    name = await admitted(services, draft, chats=(7,))
    record = await services.signals.get(name)
    at = CLOSE + timedelta(minutes=3)
    paper = Paper(plan=record.plan.model_copy(update={"known_at": at, "expires_at": None}))
    answer = Answer(choice="approved", user_id=1, name="Ann", at=NOW)
    await services.signals.answer(name, record.ticket, answer, paper=paper, now=NOW)
    await followed(services, -0.3, 0.5, 2.1)
    record = await services.signals.get(name)
    assert (record.life.state, record.paper.life.state) == (LifeState.CLOSED, LifeState.WAITING)
    await owed(services.outbox)
    await followed(services, 1, -0.3, -1.2, start=at)
    record = await services.signals.get(name)
    assert record.paper.life.state is LifeState.CLOSED
    assert record.paper.life.trade.rr < 0 < record.life.trade.rr
    # The message shows it; a second ping for the same signal there is not.
    assert {d.kind for d in await owed(services.outbox)} == {DeliveryKind.ALERT}
    assert len(await services.signals.labels()) == 1
