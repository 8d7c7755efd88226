"""Answers over trades: equal to pandas' own groupings, on drawn trades and drawn questions."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.analysis.trade_answer import answer_query, read_trades, sessions_of
from pipeline.analysis.trade_query import EXITS, WEEKDAYS, TradeQuery, asked_words
from pipeline.analysis.trade_words import group_line, table_lines
from pipeline.domain.errors import DataError

ZONE = "Europe/Berlin"
FIGURES = (
    "count", "win_rate", "expectancy", "total_r", "profit_factor", "drawdown",
    "longest_losing_run",
)  # fmt: skip


def csv_of(seed, n):
    rng = np.random.default_rng(seed)
    entry = pd.Timestamp("2025-01-01T00:00Z") + pd.to_timedelta(
        np.sort(rng.integers(0, 400 * 24 * 60, n)), unit="min"
    )
    rr = np.round(rng.choice([-1.0, 2.0, 0.0, 0.37], n) + rng.normal(0, 0.1, n), 6)
    frame = pd.DataFrame(
        {
            "trade_id": [f"T{i:04d}" for i in range(n)],
            "entry_time": entry.strftime("%Y-%m-%dT%H:%M:%SZ") if n else [],
            "exit_time": (entry + pd.to_timedelta(rng.integers(1, 900, n), unit="min")).strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            ) if n else [],
            "exit_reason": rng.choice(EXITS, n), "pnl": rr * 50 - 1, "rr": rr,
            "side": rng.choice(["long", "short"], n),
        }
    )  # fmt: skip
    return frame.to_csv(index=False).encode()


def reference(frame, by):
    """Return the figures of each group by pandas alone."""
    local = frame["entry_time"].dt.tz_convert(ZONE)
    keys = {
        "weekday": local.dt.day_name().str[:3], "hour": local.dt.strftime("%H:00"),
        "month": local.dt.strftime("%Y-%m"), "year": local.dt.strftime("%Y"),
        "side": frame["side"], "exit_reason": frame["exit_reason"],
    }  # fmt: skip
    ordered = frame.assign(key=keys[by]).sort_values(["exit_time", "trade_id"])
    grouped = ordered.groupby("key")
    equity = grouped["rr"].cumsum()
    top = equity.groupby(ordered["key"]).cummax().clip(lower=0)
    lost = (ordered["rr"] <= 0).astype(int)
    blocks = lost.eq(0).groupby(ordered["key"]).cumsum()
    runs = lost.groupby([ordered["key"], blocks]).sum().groupby("key").max()
    gains = ordered["pnl"].clip(lower=0).groupby(ordered["key"]).sum()
    losses = -ordered["pnl"].clip(upper=0).groupby(ordered["key"]).sum()
    return pd.DataFrame(
        {
            "count": grouped.size(), "won": grouped["rr"].agg(lambda r: (r > 0).mean()),
            "mean": grouped["rr"].mean(), "sem": grouped["rr"].sem(), "sum": grouped["rr"].sum(),
            "pf": gains / losses, "drawdown": (top - equity).groupby(ordered["key"]).max(),
            "run": runs,
        }
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 160),
    by=st.sampled_from(["weekday", "hour", "month", "year", "side", "exit_reason"]),
)
def test_groups_equal_those_of_pandas(seed, n, by):
    trades = read_trades(csv_of(seed, n))
    table = answer_query(TradeQuery(group_by=by, figures=FIGURES), trades, ZONE)
    expected = reference(trades, by)
    assert sorted(g.label for g in table.groups) == sorted(expected.index)
    assert sum(g.count for g in table.groups) == table.matched == table.of == n
    for group in table.groups:
        row = expected.loc[group.label]
        assert group.count == row["count"]
        assert group.too_few == (row["count"] < 5)
        assert group.win_rate.value == pytest.approx(row["won"])
        assert group.win_rate.low <= group.win_rate.value <= group.win_rate.high
        assert group.expectancy.value == pytest.approx(row["mean"], abs=1e-12)
        if group.count > 1:
            half = (group.expectancy.high - group.expectancy.low) / 2
            assert half == pytest.approx(1.96 * row["sem"])
        assert group.total_r == pytest.approx(row["sum"], abs=1e-9)
        assert group.drawdown == pytest.approx(row["drawdown"], abs=1e-9)
        assert group.longest_losing_run == row["run"]
        if group.profit_factor is None:
            assert math.isinf(row["pf"]) or math.isnan(row["pf"])
        else:
            assert group.profit_factor == pytest.approx(row["pf"])


queries = st.builds(
    TradeQuery,
    weekdays=st.lists(st.sampled_from(WEEKDAYS), max_size=3, unique=True).map(tuple),
    hours=st.lists(st.integers(0, 23), max_size=3).map(tuple),
    sides=st.lists(st.sampled_from(["long", "short"]), max_size=2, unique=True).map(tuple),
    exit_reasons=st.lists(st.sampled_from(EXITS), max_size=2, unique=True).map(tuple),
    sessions=st.lists(st.sampled_from(["asia", "london", "other"]), max_size=1).map(tuple),
    outcome=st.sampled_from(["any", "win", "loss"]),
    group_by=st.sampled_from(["none", "weekday", "hour", "side", "session"]),
    rows=st.sampled_from(["groups", "trades"]),
    order=st.sampled_from(["natural", "best", "worst"]),
    top=st.none() | st.integers(1, 12),
)


@settings(max_examples=60, deadline=None)
@given(query=queries, seed=st.integers(0, 500), n=st.integers(0, 90))
def test_every_valid_question_has_an_answer_that_is_a_part_of_the_trades(query, seed, n):
    trades = read_trades(csv_of(seed, n))
    table = answer_query(query, trades, ZONE)
    assert table.matched <= table.of == n
    local = trades["entry_time"].dt.tz_convert(ZONE)
    kept = trades[
        (local.dt.day_name().str[:3].isin(query.weekdays) if query.weekdays else True)
        & (local.dt.hour.isin(query.hours) if query.hours else True)
        & (trades["side"].isin(query.sides) if query.sides else True)
        & (trades["exit_reason"].isin(query.exit_reasons) if query.exit_reasons else True)
        & (trades["rr"] > -99)
    ]
    kept = kept[kept["rr"] > 0] if query.outcome == "win" else kept
    kept = kept[kept["rr"] <= 0] if query.outcome == "loss" else kept
    if query.sessions:
        kept = kept[pd.Series(sessions_of(kept["entry_time"]), kept.index).isin(query.sessions)]
    assert table.matched == len(kept)
    if query.rows == "trades" and query.order == "best":
        wanted = kept["rr"].nlargest(query.top or 10).tolist()
        assert [t.rr for t in table.trades] == pytest.approx(wanted)
    if query.top and query.rows == "groups":
        assert len(table.groups) <= query.top
    assert table_lines(table)[0] == f"Asked as: {asked_words(query, ZONE)}"


def test_small_groups_say_so_and_a_file_without_its_columns_is_refused():
    trades = read_trades(csv_of(1, 4))
    (group,) = answer_query(TradeQuery(), trades, ZONE).groups
    assert "too few trades" in group_line(group)
    with pytest.raises(DataError, match="rr"):
        read_trades(b"trade_id,entry_time,exit_time,exit_reason,pnl,side\n")
    with pytest.raises(DataError):
        read_trades(b"")


def test_a_session_is_the_one_that_opened_last():
    clocks = ("03:00", "06:30", "07:30", "14:00", "22:00")
    moments = pd.Series(pd.to_datetime([f"2025-05-22T{clock}Z" for clock in clocks]))
    assert list(sessions_of(moments)) == [
        "asia", "frankfurt", "london", "new_york_cash", "other",
    ]  # fmt: skip
