"""Broker: one suite over a simulated MetaTrader, directly and behind the real bridge on loopback.

What is proved above all: whatever happens to the line, the terminal, the broker's server or our own
process, no order is ever executed twice, and what is said of it in the end is true.
"""

import asyncio
import random
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.domain.errors import BrokerDownError
from pipeline.domain.market import Side
from pipeline.domain.order import BrokerOrder
from pipeline.domain.trade import EntryType, Plan, Target
from storage.brokers.mt5 import SETTLED, Mt5Broker
from storage.brokers.mt5_traces import magic_of
from storage.brokers.sent_orders import SentOrders
from storage.instruments import YamlInstruments
from storage.mt5_bridge.client import BridgeTerminal
from storage.mt5_native import NativeTerminal
from storage.mt5_symbols import FILE, BrokerSymbols
from storage.mt5_thread import TerminalThread
from tests.kit.mt5 import NOON, TOKEN, bridge, simulated, terminal_over
from tests.kit.mt5_trading import CANCELED, EXPIRED

ZONE = "New York+7"
INSTRUMENTS = YamlInstruments()


class Rig:
    """A broker as one process has it; `again` is the next process over the same folder."""

    def __init__(self, sim, terminal, home):
        async def pause(seconds):
            sim.advance(seconds)

        async def zone(now):
            return ZONE

        self.sim, self.terminal, self.home = sim, terminal, home
        self.thread = TerminalThread(terminal)
        symbols = BrokerSymbols(self.thread, INSTRUMENTS, home / FILE)
        self.broker = Mt5Broker(
            self.thread, symbols, zone, SentOrders(home / "orders"), pause=pause
        )

    def again(self):
        return Rig(self.sim, self.terminal, self.home)

    async def place(self, order):
        return await self.broker.place(order, self.sim.now)

    async def find(self, name):
        return await self.broker.find(name, self.sim.now)

    def executed(self, order):
        return self.sim.executed[magic_of(order.client_id)]


@pytest.fixture(params=["direct", "bridge"])
def how(request):
    return request.param


@pytest.fixture
async def rig(how, tmp_path):
    sim = simulated(days=1, history=0)
    with terminal_over(sim, how) as terminal:
        made = Rig(sim, terminal, tmp_path)
        yield made
        await made.thread.close()


def order(name="sig_live_001", **changes) -> BrokerOrder:
    """A long EURUSD; entry, stop and target far enough to stay valid in the simulation."""
    plan = {
        "signal_id": name, "side": Side.LONG, "known_at": NOON, "entry_type": EntryType.MARKET,
        "entry_price": 1.08, "sl_price": 0.9, "targets": (Target(price=1.3, share=1),),
    }  # fmt: skip
    outer = {k: changes.pop(k) for k in ("symbol", "lots") if k in changes}
    chosen = {"symbol": "EURUSD", "lots": 0.1, **outer}
    return BrokerOrder(client_id=name, plan=Plan(**{**plan, **changes}), **chosen)


def limit(name="sig_live_002", **changes) -> BrokerOrder:
    words = {
        "entry_type": EntryType.LIMIT,
        "entry_price": 1.0,
        "expires_at": NOON + timedelta(hours=2),
    }
    return order(name, **{**words, **changes})


# --- what is sent ------------------------------------------------------------------------------


async def test_a_market_order_is_filled_and_found_again(rig):
    assert await rig.find("sig_live_001") is None
    state = await rig.place(order())
    assert (state.status, state.lots) == ("filled", 0.1)
    assert state.price == pytest.approx(rig.sim.positions[0].price_open)
    assert (await rig.find("sig_live_001")).status == "filled"
    sent = rig.sim.requests[0]
    assert sent["symbol"] == "EURUSD.r" and sent["comment"] == "sig_live_001"
    assert (sent["action"], sent["type"], sent["sl"], sent["tp"]) == (1, 0, 0.9, 1.3)
    assert 2**30 <= sent["magic"] < 2**31


async def test_a_short_sells_at_the_bid(rig):
    state = await rig.place(
        order(side=Side.SHORT, sl_price=1.3, targets=(Target(price=0.9, share=1),))
    )
    assert state.status == "filled"
    sent = rig.sim.requests[0]
    _, bid, ask = rig.sim.newest_tick("EURUSD.r")
    assert sent["type"] == 1 and abs(sent["price"] - bid) < abs(ask - bid) + 1e-3


async def test_a_limit_order_waits_fills_and_closes(rig):
    state = await rig.place(limit())
    assert (state.status, state.price, state.lots) == ("placed", 1.0, 0.1)
    sent = rig.sim.requests[0]
    assert (sent["action"], sent["type"], sent["type_time"], sent["type_filling"]) == (5, 2, 2, 2)
    shown = datetime.fromtimestamp(sent["expiration"], UTC)
    assert shown == NOON + timedelta(hours=2 + 3), "the end is on the broker's clock"
    ticket = rig.sim.orders[0].ticket
    rig.sim.fill(ticket)
    assert (await rig.find("sig_live_002")).status == "filled"
    rig.sim.close_out(rig.sim.positions[0].ticket, 1.3)
    closed = await rig.find("sig_live_002")
    assert (closed.status, closed.price, closed.reason) == ("closed", 1.3, "[sl]")


async def test_without_our_notes_the_account_itself_is_believed(rig, tmp_path):
    await rig.place(order())
    await rig.place(limit())
    other = Rig(rig.sim, rig.terminal, tmp_path / "another machine")
    assert (await other.place(order())).status == "filled"
    assert (await other.place(limit())).status == "placed"
    assert len(rig.sim.requests) == 2


async def test_closed_by_hand_is_seen_too(rig):
    await rig.place(order())
    rig.sim.close_out(rig.sim.positions[0].ticket, 1.2, magic=0)
    assert (await rig.find("sig_live_001")).status == "closed"
    assert (await rig.place(order())).status == "closed"
    assert rig.executed(order()) == 1


@pytest.mark.parametrize(("state", "word"), [(CANCELED, "cancelled"), (EXPIRED, "expired")])
async def test_an_order_that_ended_unfilled(rig, state, word):
    await rig.place(limit())
    rig.sim.end(rig.sim.orders[0].ticket, state)
    found = await rig.find("sig_live_002")
    assert (found.status, found.price, found.reason) == ("closed", None, word)


@pytest.mark.parametrize(("bits", "mode"), [(1, 0), (2, 1), (3, 0), (0, 2)])
async def test_the_filling_follows_the_symbol_s_bits(rig, bits, mode):
    info = rig.sim.info["EURUSD.r"]
    rig.sim.info["EURUSD.r"] = info._replace(filling_mode=bits)
    assert (await rig.place(order())).status == "filled"
    assert rig.sim.requests[0]["type_filling"] == mode


@pytest.mark.parametrize(
    ("lots", "step", "least", "sent"),
    [(0.137, 0.01, 0.01, 0.13), (0.3, 0.1, 0.1, 0.3), (1.99, 1, 1, 1)],
)
async def test_lots_are_rounded_down_to_the_step(rig, lots, step, least, sent):
    info = rig.sim.info["EURUSD.r"]
    rig.sim.info["EURUSD.r"] = info._replace(volume_step=step, volume_min=least)
    await rig.place(order(lots=lots))
    assert rig.sim.requests[0]["volume"] == pytest.approx(sent)


# --- what is not -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "word"),
    [({"lots": 0.004}, "less than the broker's least"), ({"lots": 500}, "more than the broker takes"),
     ({"sl_price": 1.2}, "Invalid stops"), ({"symbol": "XAUUSD"}, "no symbol for XAUUSD"),
     ({"targets": (Target(price=1.2, share=0.5), Target(price=1.3, share=0.5))}, "two targets"),
     ({"entry_type": EntryType.LIMIT, "entry_price": 1.0, "expires_at": NOON}, "time is over")],
)  # fmt: skip
async def test_what_can_t_be_placed_is_refused_before_it_is_sent(rig, wrong, word):
    state = await rig.place(order(**wrong))
    assert state.status == "rejected"
    assert word in state.reason
    assert not rig.sim.requests
    assert await rig.find("sig_live_001") is None, "it may be placed yet, once it is put right"
    assert (await rig.place(order())).status == "filled"


async def test_algo_trading_off_is_told(rig):
    rig.sim.algo = False
    state = await rig.place(order())
    assert state.status == "rejected" and "Algo Trading is switched off" in state.reason


@pytest.mark.parametrize("fate", ["requote", "price_changed", "no_quotes", "reject", "no_money"])
async def test_a_refusal_is_final_and_tells_why(rig, fate):
    rig.sim.script.append(fate)
    state = await rig.place(order())
    assert state.status == "rejected" and state.reason
    for broker in (rig, rig.again()):
        assert (await broker.place(order())).status == "rejected"
        assert (await broker.find("sig_live_001")).reason == state.reason
    assert len(rig.sim.requests) == 1 and rig.executed(order()) == 0


async def test_a_partial_fill_says_how_much(rig):
    rig.sim.script.append("partial")
    state = await rig.place(order())
    assert (state.status, state.lots, state.reason) == ("filled", 0.05, "0.05 of 0.1 lots")


# --- what is unclear ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fate", ["timeout_done", "raise_done", "none_done", "timeout_late", "placed"]
)
async def test_an_unclear_order_that_came_through_is_found(rig, fate):
    rig.sim.script.append(fate)
    state = await rig.place(order())
    assert state.status in ("filled", "placed")
    assert (await rig.again().place(order())).status == "filled"
    assert rig.executed(order()) == 1 and len(rig.sim.requests) == 1


@pytest.mark.parametrize("fate", ["timeout_lost", "raise_lost", "none_lost"])
async def test_an_unclear_order_that_never_came_is_never_sent_again(rig, fate):
    rig.sim.script.append(fate)
    state = await rig.place(order())
    assert state.status == "unknown" and "look there" in state.reason
    assert (await rig.again().place(order())).status == "unknown"
    rig.sim.now += SETTLED
    for broker in (rig, rig.again()):
        late = await broker.find("sig_live_001")
        assert (late.status, late.reason) == ("rejected", "it never arrived at the broker")
        assert (await broker.place(order())).status == "rejected"
    assert rig.executed(order()) == 0 and len(rig.sim.requests) == 1


async def test_one_that_comes_after_all_is_believed(rig):
    rig.sim.script.append("timeout_lost")
    await rig.place(order())
    rig.sim._execute(rig.sim.requests[0])
    assert (await rig.find("sig_live_001")).status == "filled"


async def test_comments_cut_or_rewritten_don_t_hide_an_order(rig):
    long_name = "sig_live_001:" + "x" * 18
    for limit_ in (16, 0):
        rig.sim.comment_limit = limit_
        name = f"{limit_:02d}{long_name[2:]}"
        rig.sim.script.append("timeout_done")
        assert (await rig.place(order(name))).status == "filled"
    rig.sim.positions = [p._replace(comment="broker's own") for p in rig.sim.positions]
    rig.sim.deals = [d._replace(comment="broker's own") for d in rig.sim.deals]
    assert (await rig.again().place(order(name))).status == "filled"
    assert sum(rig.sim.executed.values()) == 2


async def test_two_orders_of_one_number_are_told_apart(rig, monkeypatch):
    for module in ("mt5_traces", "mt5_request"):
        monkeypatch.setattr(f"storage.brokers.{module}.magic_of", lambda name: 2**30 + 5)
    assert (await rig.place(order("one"))).status == "filled"
    assert await rig.find("two") is None
    rig.sim.script.append("timeout_lost")
    assert (await rig.place(order("two"))).status == "unknown"
    assert (await rig.find("one")).status == "filled"


async def test_another_account_s_order_is_not_declared_lost(rig, monkeypatch):
    rig.sim.script.append("timeout_lost")
    await rig.place(order())
    rig.sim.now += SETTLED
    account = rig.sim.account_info()._replace(login=77)
    monkeypatch.setattr(rig.sim, "account_info", lambda: rig.sim._done("account_info", account))
    found = await rig.find("sig_live_001")
    assert found.status == "unknown" and "account 5012" in found.reason


async def test_nobody_reached_means_surely_not_sent(rig):
    for broken in ("connected", "dead"):
        setattr(rig.sim, broken, broken == "dead")
        with pytest.raises(BrokerDownError):
            await rig.place(order())
        with pytest.raises(BrokerDownError):
            await rig.find("sig_live_001")
        rig.sim.connected, rig.sim.dead = True, False
    assert not rig.sim.requests
    assert (await rig.place(order())).status == "filled"


async def test_a_note_cut_short_by_a_crash_counts_as_sent(rig):
    assert SentOrders(rig.home / "orders").claim("sig_live_001", 5012, rig.sim.now)
    (file,) = (rig.home / "orders").iterdir()
    file.write_text('{"cli')
    assert (await rig.place(order())).status in ("unknown", "rejected")
    assert not rig.sim.requests


# --- all of it at once -------------------------------------------------------------------------

FATES = (
    "done", "partial", "placed", "requote", "reject", "timeout_done", "timeout_late", "timeout_lost",
    "raise_done", "raise_lost", "none_done", "none_lost",
)  # fmt: skip
ROUNDS = 150


class Chaos:
    """Draws what goes wrong in one round: fate, cuts of the line, deaths of our process."""

    def __init__(self, seed, sim, server):
        self.rng, self.sim, self.server = random.Random(seed), sim, server
        sim.script.extend(self.rng.choices(FATES, k=6))
        self.cut_at = {self.rng.randrange(40) for _ in range(self.rng.randrange(4))}
        self.die_at = {self.rng.randrange(40) for _ in range(self.rng.randrange(3))}
        self.calls, self.tasks, self.loop = 0, [], asyncio.get_running_loop()
        sim.after = self.after

    def after(self, name):
        self.calls += 1
        if self.server is not None and (
            self.calls in self.cut_at or (name == "order_send" and self.rng.random() < 0.3)
        ):
            self.server.drop_clients()
        if self.calls in self.die_at or (name == "order_send" and self.rng.random() < 0.15):
            for task in self.tasks:
                self.loop.call_soon_threadsafe(task.cancel)


@contextmanager
def terminal_pair(sim, how):
    """What two processes of ours have: the terminal of this machine, or a connection each."""
    if how == "direct":
        yield [NativeTerminal(vendor=sim)] * 2, None
        return
    with bridge(sim) as server:
        where = ("127.0.0.1", server.port, TOKEN)

        def seconds():
            return sim.now.timestamp()

        pair = [BridgeTerminal(*where, clock=seconds, pause=sim.advance) for _ in range(2)]
        yield pair, server


async def last_word(rig, name):
    """What is said once the line holds again; calls cut off by a death may still be under way."""
    for _ in range(20):
        try:
            return await rig.find(name)
        except BrokerDownError:
            rig.sim.advance(10)
    raise AssertionError("it never came back")


async def attempt(rig, wanted, chaos):
    task = asyncio.ensure_future(rig.place(wanted))
    chaos.tasks.append(task)
    try:
        return await task
    except (BrokerDownError, asyncio.CancelledError):
        return None


async def test_over_many_rounds_no_order_is_doubled_and_the_last_word_is_true(how, tmp_path):
    fates: set[str] = set()
    for seed in range(ROUNDS):
        sim = simulated(days=0.5, history=0)
        home = tmp_path / str(seed)
        with terminal_pair(sim, how) as (terminals, server):
            chaos = Chaos(seed, sim, server)
            rigs = [Rig(sim, t, home) for t in terminals]
            wanted = [
                order(f"sig_{seed}_{n}") if n % 2 else limit(f"sig_{seed}_{n}") for n in range(2)
            ]
            for _ in range(3):
                tries = [attempt(r, w, chaos) for r in rigs for w in wanted]
                said = await asyncio.gather(*tries)
                fates.update(s.status for s in said if s is not None)
                if chaos.rng.random() < 0.5:
                    rigs = [r.again() for r in rigs]
            sim.after = None
            for each in rigs:
                await last_word(each, "whatever")
            sim.settle()
            sim.advance(SETTLED.total_seconds())
            for each in wanted:
                count = sim.executed[magic_of(each.client_id)]
                assert count <= 1, f"round {seed}: executed {count} times"
                last = await last_word(rigs[0].again(), each.client_id)
                there = last is not None and last.status in ("placed", "filled", "closed")
                assert there == (count == 1), f"round {seed}: {last} after {count}"
                assert last is None or last.status != "unknown"
            for each in rigs:
                with suppress(Exception):
                    await each.thread.close()
    assert {"filled", "placed", "rejected", "unknown"} <= fates
