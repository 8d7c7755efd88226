"""The QA card: a planted fault fails its check and no other; sound results pass them all."""

from datetime import UTC, datetime, time, timedelta

import numpy as np
import pytest

from pipeline.backtest.engine import simulate
from pipeline.backtest.qa import qa_card
from pipeline.data.quality import assess, holes
from pipeline.domain.market import Side, Timeframe
from pipeline.domain.qa import EntryHours, QaCard, Verdict
from pipeline.domain.trade import CostModel, ExitReason, Trade
from pipeline.setups.hours import entry_hours
from tests.kit.bar_strategies import EURUSD
from tests.kit.random_walk import walk
from tests.kit.setups import LIBRARY, every_reading, signals_of

HOURS = EntryHours("Europe/Berlin", time(9), time(11), time(17, 25))
NO_HOLES = np.empty((0, 2), dtype="int64")
NAMES = ["trades", "duplicates", "hours", "exits", "best_trade", "best_day", "gaps"]


def trade_of(number: int, rr: float, when: datetime | None = None, **changes) -> Trade:
    """A trade of a day of its own, one hour long, that begins at 10:00 Berlin."""
    began = when or datetime(2024, 1, 1, 9, tzinfo=UTC) + timedelta(days=number)
    if when is None and began.month in range(4, 10):
        began -= timedelta(hours=1)
    values = {
        "trade_id": f"t{number}", "signal_id": f"s{number}", "side": Side.LONG,
        "entry_time": began, "entry_price": 100.0 + number / 100, "exit_time": began + timedelta(hours=1),
        "exit_price": 100.0, "exit_reason": ExitReason.TP if rr > 0 else ExitReason.SL,
        "sl_price": 99.0, "tp_price": 102.0, "lots": 1.0, "pnl_points": rr, "pnl": rr, "rr": rr,
        "mae": -0.5, "mfe": 0.5, "cost": 0.1, "ambiguous": False, "rr_worst": rr, "rr_best": rr,
    }  # fmt: skip
    return Trade(**{**values, **changes})


def results(wins: int, losses: int, win: float = 2.0, loss: float = -1.0) -> list[Trade]:
    """Wins and losses evenly mixed."""
    order = np.argsort(np.concatenate([np.arange(n) / n for n in (wins, losses)]), kind="stable")
    return [trade_of(i, win if k < wins else loss) for i, k in enumerate(order.tolist())]


def card_of(trades: list[Trade], gaps: np.ndarray = NO_HOLES, hours: EntryHours = HOURS) -> QaCard:
    return qa_card(trades, fewest=20, hours=hours, holes=gaps)


def verdicts(card: QaCard) -> dict[str, Verdict]:
    """What did not pass."""
    assert [check.name for check in card.checks] == NAMES
    assert all(check.sentence.endswith(".") and check.figure for check in card.checks)
    return {c.name: c.verdict for c in card.checks if c.verdict is not Verdict.PASSED}


@pytest.mark.parametrize(
    "trades",
    [results(60, 60), results(50, 100), results(40, 81, 2.05), results(30, 110), results(90, 30, 0.4)],
    ids=["good", "break-even", "a little above zero", "losing", "many small wins"],
)  # fmt: skip
def test_sound_results_pass_everything(trades):
    assert verdicts(card_of(trades)) == {}


@pytest.mark.parametrize("seed", range(30))
def test_results_of_chance_are_never_said_to_be_carried(seed):
    """Partial exits and odd wins around zero: the sign of such a sum hangs on any one trade."""
    rng = np.random.default_rng([31, seed])
    drawn = np.where(rng.random(150) < 0.4, rng.uniform(0.1, 3.0, 150), -1.0)
    drawn += -drawn.mean() + rng.uniform(0, 0.05)
    found = verdicts(card_of([trade_of(i, float(r)) for i, r in enumerate(drawn)]))
    assert found.keys().isdisjoint({"best_trade", "best_day"})


def test_too_few():
    assert verdicts(card_of(results(8, 8))) == {"trades": Verdict.FAIL}
    assert verdicts(card_of(results(20, 30))) == {"trades": Verdict.LOOK}
    assert verdicts(card_of([trade_of(0, 2.0)])) == {"trades": Verdict.FAIL}
    assert verdicts(card_of([])) == {"trades": Verdict.FAIL}


def test_a_ticket_counted_twice():
    trades = results(60, 60)
    again = trades[7].model_copy(update={"trade_id": "t900", "signal_id": "s900"})
    assert verdicts(card_of([*trades, again])) == {"duplicates": Verdict.FAIL}
    same_signal = trade_of(300, 2.0, signal_id="s5")
    assert verdicts(card_of([*trades, same_signal])) == {"duplicates": Verdict.FAIL}
    beside = again.model_copy(update={"sl_price": 98.0})
    assert verdicts(card_of([*trades, beside])) == {"duplicates": Verdict.LOOK}
    other_side = again.model_copy(update={"side": Side.SHORT})
    assert verdicts(card_of([*trades, other_side])) == {}


@pytest.mark.parametrize(
    ("entry", "leave", "outside"),
    [
        ((2024, 6, 3, 7, 0), (2024, 6, 3, 8, 0), False),  # 09:00 Berlin
        ((2024, 6, 3, 6, 59), (2024, 6, 3, 8, 0), True),
        ((2024, 6, 3, 9, 0), (2024, 6, 3, 15, 25), False),  # 11:00 to 17:25
        ((2024, 6, 3, 9, 1), (2024, 6, 3, 10, 0), True),
        ((2024, 6, 3, 8, 0), (2024, 6, 3, 15, 26), True),
        ((2024, 6, 3, 8, 0), (2024, 6, 4, 8, 0), True),  # over night
        ((2024, 1, 8, 8, 0), (2024, 1, 8, 9, 0), False),  # winter: 09:00 Berlin
        ((2024, 1, 8, 7, 0), (2024, 1, 8, 9, 0), True),
    ],
)
def test_outside_the_hours(entry, leave, outside):
    began, ended = datetime(*entry, tzinfo=UTC), datetime(*leave, tzinfo=UTC)
    odd = trade_of(500, 2.0, began, exit_time=ended)
    assert verdicts(card_of([*results(60, 60), odd])) == (
        {"hours": Verdict.LOOK} if outside else {}
    )
    shifted = [
        t.model_copy(update={"entry_time": t.entry_time - timedelta(hours=2)})
        for t in results(60, 60)
    ]
    assert verdicts(card_of(shifted)) == {"hours": Verdict.FAIL}
    assert verdicts(card_of(shifted, hours=EntryHours("UTC", None, None, None))) == {}


def test_all_exits_alike():
    clocked = [t.model_copy(update={"exit_reason": ExitReason.TIME}) for t in results(60, 60)]
    assert verdicts(card_of(clocked)) == {"exits": Verdict.FAIL}
    assert verdicts(card_of([*clocked, trade_of(300, 2.0)])) == {"exits": Verdict.LOOK}
    assert verdicts(card_of([trade_of(i, 2.0) for i in range(120)])) == {"exits": Verdict.FAIL}


def test_one_trade_carries_the_profit():
    poor = results(30, 90)  # −30 R
    carried = verdicts(card_of([*poor, trade_of(300, 60.0)]))
    assert carried == {"best_trade": Verdict.FAIL, "best_day": Verdict.FAIL}
    most = verdicts(card_of([*results(44, 80), trade_of(300, 40.0)]))
    assert most == {"best_trade": Verdict.LOOK, "best_day": Verdict.LOOK}
    assert verdicts(card_of([*results(80, 80), trade_of(300, 12.0)])) == {}


def test_one_day_carries_the_profit():
    lucky = [
        trade_of(400 + i, 2.0, datetime(2024, 6, 3, 7, 30, tzinfo=UTC) + timedelta(minutes=2 * i))
        for i in range(30)
    ]
    assert verdicts(card_of([*results(35, 100), *lucky])) == {"best_day": Verdict.FAIL}


def test_a_trade_held_over_a_hole():
    trades = results(60, 60)
    at = int(trades[3].entry_time.timestamp())
    hole = np.array([[at + 600, at + 1800]])
    card = card_of(trades, hole)
    assert verdicts(card) == {"gaps": Verdict.LOOK}
    assert card.checks[-1].trades == (trades[3].trade_id,)
    assert card.checks[-1].sentence.endswith(f": {trades[3].trade_id}.")
    for fine in ([at - 1800, at], [at + 3600, at + 7200]):  # before the entry, after the exit
        assert verdicts(card_of(trades, np.array([fine]))) == {}
    many = np.array(
        [
            [int(t.entry_time.timestamp()) + 60, int(t.entry_time.timestamp()) + 900]
            for t in trades[:10]
        ]
    )
    assert verdicts(card_of(trades, many)) == {"gaps": Verdict.FAIL}  # fmt: skip


def test_holes_are_the_gaps_of_the_quality_report():
    bars = walk(np.random.default_rng(5), 2023, start=1.1, sigma=1e-4).iloc[:30_000]
    kept = bars.drop(index=[*range(2000, 2060), *range(9000, 9005)]).reset_index(drop=True)
    found = holes(kept, Timeframe.M1, EURUSD)
    report = assess(kept, Timeframe.M1, EURUSD)
    assert len(found) == report.gap_count
    worst = [(int(g.start.timestamp()), int(g.end.timestamp())) for g in report.gaps]
    assert set(worst) <= {tuple(row) for row in found.tolist()}
    began = int(bars["open_time"].iloc[2000].timestamp())
    assert [began, began + 3600] in found.tolist()
    assert holes(kept.iloc[:0], Timeframe.M1, EURUSD).shape == (0, 2)


def test_hours_of_the_built_in_setups():
    found = {name: entry_hours(spec) for name, spec in LIBRARY.items()}
    assert found["Frank_raid_v1"] == HOURS
    assert found["IB_raid_v1"] == EntryHours("Europe/Berlin", time(10), time(12), time(17, 25))
    assert found["Asia_fvg_break_v2"] == EntryHours(
        "Europe/Berlin", time(8), time(13), time(17, 25)
    )


@pytest.mark.parametrize("spec", every_reading(), ids=lambda s: "-".join([s.setup_id, *s.use]))
def test_every_setup_trades_inside_the_hours_found_for_it(spec):
    bars = walk(np.random.default_rng(6), 2022, start=1.1, sigma=1e-4).iloc[:110_000]
    trigger = spec.timeframes[0]
    plans = signals_of(bars, spec, trigger, EURUSD).plans
    trades = simulate(
        plans, bars, EURUSD, CostModel(slippage_points=0.0), timeframe=trigger
    ).trades
    assert trades
    card = qa_card(trades, fewest=1, hours=entry_hours(spec), holes=NO_HOLES)
    assert card.checks[2].verdict is Verdict.PASSED, card.checks[2]


def test_a_card_is_read_back_as_it_was_written():
    card = card_of(results(8, 8))
    assert QaCard.model_validate_json(card.model_dump_json()) == card
    assert card.count(Verdict.FAIL) == 1
    assert card.count(Verdict.PASSED) == 6
