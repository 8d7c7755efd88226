"""What every broker promises, kept on paper: in memory, on SQLite, on PostgreSQL."""

import asyncio
from datetime import timedelta

import pytest

from pipeline.domain.live import Answer, Life, LifeState, Paper
from pipeline.domain.market import Timeframe
from pipeline.domain.order import BrokerOrder
from pipeline.domain.trade import ExitReason, Missed
from storage.brokers.paper import PaperBroker
from tests.kit.live_signals import CLOSE, hand_made
from tests.kit.live_week import ended, unfilled
from tests.kit.plain_services import NOW

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
async def record(stores):
    draft = hand_made(tf=Timeframe.M1)
    return (await stores.signals().admit(draft, [], cooldown=timedelta(0), now=NOW)).record


def order_of(record, lots=0.5):
    plan = record.plan.model_copy(update={"known_at": CLOSE + timedelta(minutes=2)})
    return BrokerOrder(client_id=record.signal_id, symbol="EURUSD", plan=plan, lots=lots)


async def test_an_order_is_placed_and_found_by_any_process(stores, record):
    broker = PaperBroker(stores.signals())
    assert broker.name == "paper"
    assert await broker.find(record.signal_id, NOW) is None
    placed = await broker.place(order_of(record), NOW)
    assert (placed.status, placed.client_id, placed.lots) == ("placed", record.signal_id, 0.5)
    other = PaperBroker(stores.signals())
    assert (await other.find(record.signal_id, LATER)).status == "placed"
    kept = await stores.signals().get(record.signal_id)
    assert kept.paper == Paper(plan=order_of(record).plan)
    assert kept.life == record.life


async def test_an_order_known_by_its_name_is_never_placed_again(stores, record):
    first = order_of(record)
    await PaperBroker(stores.signals()).place(first, NOW)
    moved = first.model_copy(update={"plan": first.plan.model_copy(update={"sl_price": 1.05})})
    await PaperBroker(stores.signals()).place(moved, LATER)
    assert (await stores.signals().get(record.signal_id)).paper.plan == first.plan


async def test_of_orders_at_once_one_is_placed(stores, record):
    brokers = [PaperBroker(stores.signals()) for _ in range(6)]
    plans = [
        record.plan.model_copy(update={"known_at": CLOSE + timedelta(minutes=n)}) for n in range(6)
    ]
    orders = [order_of(record).model_copy(update={"plan": plan}) for plan in plans]
    said = await asyncio.gather(*(b.place(o, NOW) for b, o in zip(brokers, orders, strict=True)))
    assert {s.status for s in said} == {"placed"}
    kept = (await stores.signals().get(record.signal_id)).paper.plan
    assert sum(plan == kept for plan in plans) == 1


async def test_what_an_approval_placed_is_found_not_placed(stores, record):
    signals = stores.signals()
    paper = Paper(plan=order_of(record).plan)
    answer = Answer(choice="approved", user_id=1, name="Ann", at=NOW)
    await signals.answer(record.signal_id, record.ticket, answer, paper=paper, now=NOW)
    other = order_of(record).model_copy(update={"plan": record.plan})
    assert (await PaperBroker(signals).place(other, LATER)).status == "placed"
    assert (await signals.get(record.signal_id)).paper == paper


async def test_an_order_of_no_signal_is_rejected_with_the_reason(stores):
    draft = hand_made().model_copy(update={"signal_id": "sig_live_404"})
    broker = PaperBroker(stores.signals())
    state = await broker.place(order_of(draft), NOW)
    assert (state.status, state.reason) == ("rejected", "there is no signal sig_live_404")
    assert await broker.find("sig_live_404", NOW) is None


def refused(record):
    missed = Missed(signal_id="s", reason="INVALID", at=CLOSE, note="stop on the wrong side")
    return Life(state=LifeState.REFUSED, as_of=CLOSE, missed=missed)


def running(record):
    return Life(state=LifeState.OPEN, as_of=CLOSE, entry_time=CLOSE, entry_price=1.1001)


@pytest.mark.parametrize(
    ("life", "status", "price", "reason"),
    [
        (running, "filled", 1.1001, ""),
        (lambda r: ended(r, 2.0), "closed", pytest.approx(1.102), "TP"),
        (lambda r: ended(r, -1.0, ExitReason.SL), "closed", pytest.approx(1.099), "SL"),
        (unfilled, "closed", None, ""),
        (refused, "rejected", None, "stop on the wrong side"),
    ],
)
async def test_what_later_bars_made_of_it(stores, record, life, status, price, reason):
    signals = stores.signals()
    broker = PaperBroker(signals)
    await broker.place(order_of(record), NOW)
    paper = Paper(plan=order_of(record).plan, life=life(record))
    await signals.live_on(record.signal_id, record.life, paper=paper, now=NOW)
    found = await broker.find(record.signal_id, LATER)
    assert (found.status, found.price, found.reason) == (status, price, reason)
    assert found.at == paper.life.as_of
