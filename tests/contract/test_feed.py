"""Feed: one suite over a simulated MetaTrader, directly and behind the real bridge on loopback."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from pipeline.domain.bars import validate_bars
from pipeline.domain.errors import BadRequestError, FeedDownError, SetupError
from pipeline.domain.market import Timeframe
from tests.kit.mt5 import NOON, feed_over, simulated, terminal_over

MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["direct", "bridge"])
def how(request):
    return request.param


@pytest.fixture
def sim():
    return simulated()


@pytest.fixture
async def feed(sim, how, tmp_path):
    with terminal_over(sim, how) as terminal:
        async with feed_over(sim, terminal, tmp_path) as made:
            yield made


def truth(sim, symbol, after, closed_by):
    bars = sim.truth[symbol]
    later = (bars["open_time"] > after) if after is not None else True
    return bars[later & (bars["close_time"] <= closed_by)].reset_index(drop=True)


async def test_it_offers_our_names(feed):
    assert await feed.offers() == ("EURUSD", "GER40")


async def test_the_newest_bars_are_those_that_closed_and_no_other(feed, sim):
    for symbol in ("EURUSD", "GER40"):
        got = await feed.bars(symbol, None, sim.now, limit=500)
        validate_bars(got, Timeframe.M1)
        wanted = truth(sim, symbol, None, sim.now).tail(500).reset_index(drop=True)
        assert len(got) == 500
        assert_frame_equal(got, wanted, check_exact=False, atol=1e-9)


async def test_bars_after_a_moment_come_oldest_first_and_up_to_the_limit(feed, sim):
    after = (sim.now - timedelta(hours=30)).replace(second=0)
    got = await feed.bars("EURUSD", after, sim.now, limit=100)
    wanted = truth(sim, "EURUSD", after, sim.now).head(100)
    assert got["open_time"].tolist() == wanted["open_time"].tolist()
    rest = await feed.bars("EURUSD", after, sim.now)
    assert rest["open_time"].tolist() == truth(sim, "EURUSD", after, sim.now)["open_time"].tolist()


async def test_minute_by_minute_each_bar_comes_once_whole_and_in_time(feed, sim):
    """Every five seconds for half an hour: no bar twice, none changed later, none missing."""
    seen = await feed.bars("GER40", None, sim.now, limit=10)
    delays = []
    for _ in range(360):
        sim.advance(5)
        await feed.clock(sim.now)
        asked = sim.now
        new = await feed.bars("GER40", seen["open_time"].iloc[-1].to_pydatetime(), sim.now)
        delays += [(asked - t.to_pydatetime()).total_seconds() for t in new["close_time"]]
        seen = pd.concat([seen, new], ignore_index=True)
    wanted = truth(sim, "GER40", seen["open_time"].iloc[0] - MINUTE, seen["close_time"].iloc[-1])
    assert_frame_equal(seen, wanted, check_exact=False, atol=1e-9)
    assert len(delays) > 25
    assert min(delays) >= 0
    # A tick that another minute has begun closes a bar, else the clock, told by rare ticks.
    assert max(delays) <= 30


async def test_every_bar_closed_by_the_time_told_is_at_hand(feed, sim):
    """At drawn moments, with a wrong clock of our own too: what a scan up to that time may rely on."""
    rng = np.random.default_rng(7)
    given = 0
    for _ in range(150):
        sim.advance(float(rng.choice([0.3, 1.1, 7, 40, 59, 200])) * float(rng.uniform(0.5, 1.5)))
        clock = await feed.clock(sim.now + timedelta(seconds=float(rng.choice([0, 0, 40, -40]))))
        until = clock.now.replace(second=0, microsecond=0)
        for symbol in ("EURUSD", "GER40"):
            got = await feed.bars(symbol, until - timedelta(minutes=10), sim.now)
            wanted = truth(sim, symbol, until - timedelta(minutes=10), until)
            assert set(wanted["open_time"]) <= set(got["open_time"])
            assert (got["close_time"] <= sim.now).all()
            given += len(wanted)
    assert given > 2000


async def test_nothing_new_is_an_empty_frame(feed, sim):
    newest = (await feed.bars("EURUSD", None, sim.now, limit=1))["open_time"].iloc[0]
    got = await feed.bars("EURUSD", newest.to_pydatetime(), sim.now)
    assert got.empty
    validate_bars(got, Timeframe.M1)


async def test_a_bar_is_not_given_before_it_has_surely_closed(feed, sim):
    sim.now = NOON.replace(second=52)
    await feed.clock(sim.now)
    await feed.bars("EURUSD", None, sim.now, limit=5)
    forming = NOON.replace(second=0)
    for wrong in (0, 90, -90):  # this machine's clock has no say in it
        sim.now = forming + timedelta(seconds=60.1)  # over, but no later tick and no grace
        got = await feed.bars("EURUSD", None, sim.now + timedelta(seconds=wrong), limit=5)
        assert got["open_time"].iloc[-1] < forming
        sim.now = forming + timedelta(seconds=60.3)  # the next minute's first tick has come
        got = await feed.bars("EURUSD", None, sim.now + timedelta(seconds=wrong), limit=5)
        assert got["open_time"].iloc[-1] == forming


async def test_a_silent_symbol_s_bar_closes_by_the_ticks_of_others(feed, sim):
    """The next minute brings GER40 no tick; EURUSD's say that its minute is over."""
    opens = sim.truth["GER40"]["open_time"]
    before_silence = opens[(opens.diff(-1) < -MINUTE) & (opens > sim.now)]
    last = before_silence.iloc[0].to_pydatetime()
    sim.now = last + timedelta(seconds=40)
    await feed.clock(sim.now)
    for second, given in ((50, False), (60.5, False), (63, True)):
        sim.now = last + timedelta(seconds=second)
        got = await feed.bars("GER40", last - 5 * MINUTE, sim.now)
        assert (got["open_time"].iloc[-1] == last) is given


async def test_a_symbol_it_doesn_t_have(feed, sim):
    for wrong in ("XAUUSD", "NOSUCH"):
        with pytest.raises(BadRequestError) as caught:
            await feed.bars(wrong, None, sim.now)
        assert caught.value.field == "symbol"
    assert not (await feed.bars("DE40", None, sim.now, limit=1)).empty, "an alias will do"


async def test_a_cold_symbol_is_read_until_it_says_the_same(feed, sim):
    sim.cold = {"EURUSD.r": 7}
    got = await feed.bars("EURUSD", None, sim.now, limit=400)
    assert len(got) == 400


async def test_minutes_that_the_terminal_is_still_loading_are_waited_for(feed, sim):
    """After a cut the newest bar is there before those it missed; none may stay out."""
    await feed.bars("EURUSD", None, sim.now, limit=5)
    after = sim.now.replace(second=0) - timedelta(minutes=20)
    sim.hole = (after + MINUTE, sim.now - timedelta(minutes=3), 3)
    got = await feed.bars("EURUSD", after, sim.now)
    assert (
        got["open_time"].tolist()
        == truth(sim, "EURUSD", after, got["close_time"].iloc[-1])["open_time"].tolist()
    )


async def test_silent_minutes_have_no_bar_and_week_ends_none_at_all(how, tmp_path):
    sunday = datetime(2025, 3, 16, 21, 30, 30, tzinfo=UTC)
    sim = simulated(sunday, days=4)
    with terminal_over(sim, how) as terminal:
        async with feed_over(sim, terminal, tmp_path) as feed:
            friday = datetime(2025, 3, 14, 17, 50, tzinfo=UTC)
            got = await feed.bars("EURUSD", friday, sim.now)
            opens = got["open_time"].tolist()
            assert opens == truth(sim, "EURUSD", friday, sim.now)["open_time"].tolist()
            assert (got["open_time"].diff() > timedelta(days=1)).sum() == 1
            assert (got["open_time"].diff() == 2 * MINUTE).any()


async def test_cut_off_or_gone_it_says_so_and_comes_back(feed, sim):
    await feed.bars("EURUSD", None, sim.now, limit=5)
    sim.advance(2)
    sim.connected = False
    with pytest.raises(FeedDownError, match="no connection to the broker"):
        await feed.bars("EURUSD", None, sim.now)
    with pytest.raises(FeedDownError):
        await feed.clock(sim.now)
    sim.connected, sim.dead = True, True
    for ask in (feed.bars("EURUSD", None, sim.now), feed.clock(sim.now)):
        with pytest.raises(FeedDownError):
            await ask
    sim.dead = False
    sim.advance(60)
    assert len(await feed.bars("EURUSD", None, sim.now, limit=5)) == 5
    assert not (await feed.clock(sim.now)).doubt


async def test_names_of_one_s_own_overrule_and_wrong_ones_are_named(how, sim, tmp_path):
    file = tmp_path / "broker_symbols.yaml"
    with terminal_over(sim, how) as terminal:
        file.write_text("GER40: NOSUCH\n")
        async with feed_over(sim, terminal, tmp_path) as feed:
            with pytest.raises(SetupError, match="NOSUCH"):
                await feed.offers()
        file.write_text("GER40: EURUSD.r\n")
        async with feed_over(sim, terminal, tmp_path) as feed:
            got = await feed.bars("GER40", None, sim.now, limit=1)
            assert got["close"].iloc[0] < 2


# --- the clock ---------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["New York+7", "Europe/Athens", "UTC"])
@pytest.mark.parametrize(
    "now",
    [NOON, datetime(2025, 3, 31, 12, 0, 30, tzinfo=UTC), datetime(2025, 10, 28, 12, 0, 30, tzinfo=UTC),
     datetime(2025, 11, 4, 12, 0, 30, tzinfo=UTC)],
)  # fmt: skip
async def test_it_finds_the_broker_s_clock_by_itself(zone, now, tmp_path):
    sim = simulated(now, zone)
    with terminal_over(sim, "direct") as terminal:
        async with feed_over(sim, terminal, tmp_path) as feed:
            clock = await feed.clock(sim.now)
            assert clock.doubt == ""
            assert timedelta(seconds=1) <= now - clock.now < timedelta(seconds=3)
            got = await feed.bars("GER40", None, sim.now, limit=2000)
            wanted = truth(sim, "GER40", None, sim.now).tail(2000)
            assert got["open_time"].tolist() == wanted["open_time"].tolist()
    assert zone in (tmp_path / "broker_clock.json").read_text()


async def test_what_it_found_is_kept_for_the_next_start(how, sim, tmp_path):
    with terminal_over(sim, how) as terminal:
        async with feed_over(sim, terminal, tmp_path) as feed:
            await feed.clock(sim.now)
        sim.hours.clear()
        sim.now = datetime(2025, 3, 22, 12, tzinfo=UTC)  # a Saturday: nothing moves
        async with feed_over(sim, terminal, tmp_path) as feed:
            assert not (await feed.bars("EURUSD", None, sim.now, limit=5)).empty
            clock = await feed.clock(sim.now)
            assert "No price has moved since Fri 21 Mar" in clock.doubt


async def test_a_wrong_zone_is_doubted_at_once(how, sim, tmp_path):
    with terminal_over(sim, how) as terminal:
        async with feed_over(sim, terminal, tmp_path, zone="Europe/Athens") as feed:
            clock = await feed.clock(sim.now)
            assert "1 h later than Europe/Athens" in clock.doubt
            assert 0 < (clock.now - sim.now - timedelta(minutes=57)).total_seconds() < 180
            sim.advance(30)
            assert (await feed.clock(sim.now)).doubt
        async with feed_over(sim, terminal, tmp_path, zone="New York+7") as feed:
            assert (await feed.clock(sim.now)).doubt == ""


async def test_a_clock_that_is_off_is_doubted_and_believed_again(feed, sim):
    """This machine's clock is set wrong for a while."""
    assert (await feed.clock(sim.now)).doubt == ""
    fast = timedelta(seconds=95)
    for _ in range(3):
        sim.advance(20)
        clock = await feed.clock(sim.now + fast)
    assert "95 s apart" in clock.doubt
    assert -3 < (clock.now - sim.now).total_seconds() < 0, "the broker's time is told all the same"
    for _ in range(3):
        sim.advance(20)
        clock = await feed.clock(sim.now)
    assert clock.doubt == ""


async def test_a_broker_a_few_seconds_off_is_followed(feed, sim):
    sim.skew = -12
    for _ in range(6):
        sim.advance(20)
        clock = await feed.clock(sim.now)
    assert clock.doubt == ""
    assert -16 < (clock.now - sim.now).total_seconds() <= -13


async def test_when_summer_time_parts_two_rules_the_right_one_is_taken(tmp_path):
    """Two months of summer can't tell New York + 7 from Athens; the first Monday of winter does."""
    sim = simulated(datetime(2025, 9, 10, 12, 0, 30, tzinfo=UTC), "Europe/Athens", history=60)
    with terminal_over(sim, "direct") as terminal:
        async with feed_over(sim, terminal, tmp_path) as feed:
            assert (await feed.clock(sim.now)).doubt == ""
            monday = simulated(
                datetime(2025, 10, 27, 12, 0, 30, tzinfo=UTC), "Europe/Athens", history=100
            )
            for name in ("EURUSD.r", "DE40.cash"):
                ours = {"EURUSD.r": "EURUSD", "DE40.cash": "GER40"}[name]
                sim.put_bars(name, monday.truth[ours])
            sim.hours, sim.now, sim.truth = monday.hours, monday.now, monday.truth
            assert (await feed.clock(sim.now)).doubt == ""
            got = await feed.bars("EURUSD", None, sim.now, limit=50)
            assert (
                got["open_time"].tolist()
                == truth(sim, "EURUSD", None, sim.now).tail(50)["open_time"].tolist()
            )


@pytest.mark.parametrize(
    ("zone", "begins"),
    [
        ("New York+7", datetime(2025, 11, 2, 5, tzinfo=UTC)),
        ("Europe/Athens", datetime(2025, 10, 26, 0, tzinfo=UTC)),
    ],
)
async def test_the_hour_that_comes_twice_is_left_out_and_doubted(zone, begins, tmp_path):
    """On that Sunday only crypto trades: its bars before and after come once each, none of between."""
    sim = simulated(begins - timedelta(minutes=10), zone, crypto=True)
    again = begins + timedelta(hours=2)
    with terminal_over(sim, "direct") as terminal:
        async with feed_over(sim, terminal, tmp_path, zone=zone) as feed:
            seen = await feed.bars("BTCUSD", None, sim.now, limit=3)
            await feed.clock(sim.now)
            while sim.now < again + timedelta(minutes=10):
                sim.now = sim.now.replace(second=3) + MINUTE
                doubt = (await feed.clock(sim.now)).doubt
                assert ("twice" in doubt) is (begins <= sim.now < again)
                new = await feed.bars(
                    "BTCUSD", seen["open_time"].iloc[-1].to_pydatetime(), sim.now
                )
                seen = pd.concat([seen, new], ignore_index=True)
    validate_bars(seen, Timeframe.M1)
    wanted = truth(sim, "BTCUSD", seen["open_time"].iloc[0] - MINUTE, seen["close_time"].iloc[-1])
    twice = (wanted["open_time"] >= begins) & (wanted["open_time"] < again)
    assert 100 < twice.sum() <= 120
    assert seen["open_time"].tolist() == wanted["open_time"][~twice].tolist()
    assert len(seen) > 18


async def test_without_any_sign_of_the_clock_no_bar_gets_a_time(tmp_path):
    saturday = datetime(2025, 3, 22, 12, tzinfo=UTC)
    sim = simulated(saturday, history=0, days=0.9)
    with terminal_over(sim, "direct") as terminal:
        async with feed_over(sim, terminal, tmp_path) as feed:
            with pytest.raises(FeedDownError, match="BROKER_ZONE"):
                await feed.bars("EURUSD", None, sim.now)
