"""Every picture: no text leaves the sheet, no words cover words, same input same bytes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pipeline.backtest.metrics import metrics
from pipeline.data.clean import resample
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Side, Timeframe
from pipeline.domain.report import Gap, QualityReport
from pipeline.domain.trade import EntryType, ExitReason, Missed
from pipeline.render.chart import LAYOUTS, Look, draw_signal, signal_chart
from pipeline.render.coverage import coverage_chart, draw_coverage
from pipeline.render.report_charts import draw_equity, equity_chart
from pipeline.render.schematic import draw_schematic
from pipeline.render.theme import THEMES, TV_DARK, TV_LIGHT, theme_named
from tests.kit.pictures import BTCUSD, EURUSD, GER40, raid_case, trade_of, trades_drawn, walk
from tests.kit.tidy import assert_tidy, words_of

pytestmark = pytest.mark.slow

KINDS = ("range", "level", "sweep", "gap", "structure", "pattern")
LONG_NAME = "A_setup_whose_author_could_not_stop_before_the_sixty_fourth_char"


def drawn_case(seed):
    """One of many: any symbol, side, entry, steps, outcome, length of story."""
    rng = np.random.default_rng(seed)
    timeframe = [Timeframe.M1, Timeframe.M5, Timeframe.M15][seed % 3]
    thing, price = [(EURUSD, 1.1), (GER40, 19850.0), (BTCUSD, 63000.0)][(seed // 3) % 3]
    bars = walk(rng, 900, timeframe, price)
    a = int(rng.integers(0, 300))
    b = a + int(rng.integers(2, 150))
    c = b + int(rng.integers(0, 60))
    d = c + int(rng.integers(1, 30))
    kinds = tuple(k for k in KINDS if rng.random() < 0.7)
    signal, plan = raid_case(
        bars, timeframe, thing, (a, b, c, d), Side.LONG if seed % 2 else Side.SHORT, kinds=kinds,
        entry=EntryType.LIMIT if rng.random() < 0.4 else EntryType.MARKET,
        targets=(1.0, float(rng.uniform(1.5, 30))) if rng.random() < 0.5 else (2.0,),
        setup_id=LONG_NAME if seed % 4 == 0 else "Frank_raid_v1",
    )  # fmt: skip
    if rng.random() < 0.2:
        return bars.iloc[: d + 1], (signal, plan, None), thing
    reason = list(ExitReason)[seed % 5]
    rows = (d + 1, d + 1 + int(rng.integers(0, 250)))
    exit_price = float(bars["close"].iloc[rows[1]])
    trade = trade_of(plan, bars, rows, exit_price, reason)
    if seed % 5 == 0:
        trade = trade.model_copy(update={"ambiguous": True, "rr_worst": -1.0, "rr_best": 2.5})
    return bars, (signal, plan, trade), thing


@pytest.mark.parametrize("seed", range(40))
def test_signal_charts_are_tidy(seed):
    bars, case, thing = drawn_case(seed)
    size = "desktop" if seed % 8 == 7 else "phone"
    theme = [TV_DARK, TV_LIGHT][seed // 2 % 2]
    look = Look(
        theme, LAYOUTS[size], "Europe/Berlin", "bt_2025_10_31_001", "31 Oct 2025", seed % 3 == 0
    )
    canvas, mapping = draw_signal(bars, case, thing, look, 100)
    assert_tidy(canvas, 20 if size == "desktop" else 22)
    assert mapping.price_low < mapping.price_high
    texts = [text for text, _, _ in words_of(canvas)]
    assert any("Europe/Berlin" in text for text in texts)
    assert any(text.startswith("SL ") or " SL " in text for text in texts)
    if case[2] is not None:
        assert any(" R · " in text for text in texts)


@pytest.mark.parametrize("reason", [ExitReason.EXPIRED, "VOID", "INVALID"])
def test_the_chart_of_an_order_that_never_filled_says_why(reason):
    """Its zones end where it died, and the bars after the signal are seen as far as that."""
    bars, (signal, plan, _), thing = drawn_case(1)
    row = int(bars["close_time"].searchsorted(signal.known_at)) + 12
    at = bars["open_time"].iloc[row].to_pydatetime()
    missed = Missed(signal_id=plan.signal_id, reason=reason, at=at)
    look = Look(TV_DARK, LAYOUTS["phone"], "UTC", "sig_live_001", "", synthetic=False)
    case = (signal, plan, None)
    canvas, mapping = draw_signal(bars[: row + 1], case, thing, look, 100, missed)
    assert_tidy(canvas)
    words = {"EXPIRED": "expired", "VOID": "void", "INVALID": "refused"}[str(reason)]
    assert f"{words} · no trade" in [text for text, _, _ in words_of(canvas)]
    assert mapping.times[0] <= at.timestamp() <= mapping.times[-1]
    planned, _ = draw_signal(bars[: row + 1], case, thing, look, 100)
    assert any(text.startswith("plan ") for text, _, _ in words_of(planned))


@pytest.mark.parametrize("seed", range(0, 40, 3))
def test_a_signal_on_longer_bars_is_tidy_and_its_levels_lie_right(seed):
    bars, case, thing = drawn_case(seed)
    longer = {Timeframe.M1: Timeframe.M15, Timeframe.M5: Timeframe.H1, Timeframe.M15: Timeframe.H4}
    tf = case[0].tf
    shown = longer[tf]
    look = Look(TV_DARK, LAYOUTS["phone"], "Europe/Berlin", "", "", False, shown)
    canvas, mapping = draw_signal(resample(bars, tf, shown), case, thing, look, 100)
    assert_tidy(canvas, 22)
    words = {text for text, _, _ in words_of(canvas)}
    assert any(f"{tf} shown as {shown}" in text for text in words)
    stop = case[1].sl_price
    assert any(f"{stop:.{thing.digits}f}" in text for text in words)
    assert mapping.price_at(mapping.y(stop)) == pytest.approx(stop)


def quality(days, coverage=1.0, start=datetime(2024, 1, 1, tzinfo=UTC)):
    dates = [start + timedelta(days=i) for i in range(days)]
    shares = tuple((str(d.date()), coverage) for d in dates if d.weekday() < 5)
    gap = Gap(start=start, end=start + timedelta(hours=9), missing=540)
    return QualityReport(
        symbol="GER40.cash.a_long_broker_name_with_no_end", timeframe="M1", bars=1_234_567, first=start,
        last=dates[-1], expected=2_000_000, missing=765_433, gaps=(gap,), gap_count=12_345,
        duplicates=11, impossible=0, frozen=123_456, spikes=7, score=0.87, coverage=shares,
    )  # fmt: skip


@pytest.mark.parametrize("days", [1, 3, 40, 366, 400, 3000, 11000])
@pytest.mark.parametrize("theme", [TV_DARK, TV_LIGHT])
def test_coverage_charts_are_tidy(days, theme):
    canvas = draw_coverage(quality(days), theme, synthetic=days % 2 == 0)
    assert_tidy(canvas)


def test_coverage_of_nothing_says_so():
    empty = QualityReport(
        symbol="EURUSD",
        timeframe="M1",
        bars=0,
        first=None,
        last=None,
        expected=0,
        missing=0,
        score=0,
    )
    canvas = draw_coverage(empty, TV_DARK, synthetic=False)
    assert_tidy(canvas)
    assert "no trading days" in [text for text, _, _ in words_of(canvas)]


def test_a_missing_day_stands_out():
    held = quality(40)
    days = list(held.coverage)
    days[10] = (days[10][0], 0.0)
    before, after = (
        np.asarray(Image.open(BytesIO(coverage_chart(q).png)).convert("RGB"))
        for q in (held, held.model_copy(update={"coverage": tuple(days)}))
    )
    red = tuple(int(TV_DARK.heat[-1][i : i + 2], 16) for i in (1, 3, 5))
    count = [(image == red).all(axis=2).sum() for image in (before, after)]
    assert count[1] - count[0] > 1000


@pytest.mark.parametrize("n", [0, 1, 2, 7, 300, 5000])
@pytest.mark.parametrize("scale", [1.0, 40.0])
def test_equity_charts_are_tidy(n, scale):
    trades = [
        t.model_copy(
            update={k: getattr(t, k) * scale for k in ("rr", "rr_worst", "rr_best", "pnl")}
        )
        for t in trades_drawn(np.random.default_rng(n), n)
    ]
    words = (LONG_NAME, "1 Jan 2024 – 31 Dec 2024", "EUR", "bt_2025_10_31_001")
    canvas, mapping = draw_equity(trades, metrics(trades), words, TV_DARK, synthetic=n == 7)
    assert_tidy(canvas)
    assert mapping.price_low < 0 < mapping.price_high


def test_equity_over_many_years_is_tidy():
    trades = trades_drawn(np.random.default_rng(1), 200)
    aged = [
        t.model_copy(
            update={k: getattr(t, k) + timedelta(days=36 * i) for k in ("entry_time", "exit_time")}
        )
        for i, t in enumerate(trades)
    ]
    canvas, _ = draw_equity(aged, metrics(aged), ("t", "s", "EUR", ""), TV_LIGHT, synthetic=False)
    assert_tidy(canvas)


def test_the_equity_ends_where_the_map_says():
    trades = trades_drawn(np.random.default_rng(4), 60, ambiguous=0.0)
    m = metrics(trades)
    picture = equity_chart(trades, m, title="t", currency="EUR")
    image = np.asarray(Image.open(BytesIO(picture.png)).convert("RGB"))
    colour = TV_DARK.target if m.total_r >= 0 else TV_DARK.stop
    wanted = tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    mapping = picture.mapping
    assert tuple(image[int(mapping.y(m.total_r)), int(mapping.right + 6)]) == wanted
    last = trades[-1].exit_time
    column = image[int(mapping.top) : int(mapping.bottom), int(mapping.x(last))]
    assert (column == wanted).all(axis=1).any()


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("theme", [TV_DARK, TV_LIGHT])
@pytest.mark.parametrize("n", [1, 4, 12])
def test_schematics_are_tidy(side, theme, n):
    rng = np.random.default_rng(n)
    for kinds in (
        ("range", "sweep", "sweep", "gap"),
        ("range", "level", "gap", "structure"),
        KINDS,
    ):
        chosen = [str(kinds[i % len(kinds)]) for i in range(n)]
        titles = [" ".join(["word"] * int(rng.integers(1, 60))) for _ in chosen]
        orders = ("market", "behind the sweep's extreme", "2 R") if n % 2 == 0 else None
        steps = list(zip(chosen, titles, strict=True))
        canvas = draw_schematic((LONG_NAME, "sub" * 50), steps, side, orders, theme)
        assert_tidy(canvas)


def test_same_input_same_bytes_in_any_thread():
    cases = [drawn_case(seed) for seed in (1, 2, 3)]

    def draw(i):
        bars, case, thing = cases[i % 3]
        return signal_chart(bars, *case, instrument=thing, run_id="r", now_text="n").png

    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(draw, range(12)))
    assert [drawn[i] == drawn[i % 3] for i in range(12)] == [True] * 12
    assert b"matplotlib" not in drawn[0].lower()
    assert b"tIME" not in drawn[0]


@pytest.mark.parametrize(("size", "shape"), [("phone", (1080, 1350)), ("desktop", (1920, 1080))])
def test_pictures_have_the_size_they_say_and_are_small(size, shape):
    bars, case, thing = drawn_case(4)
    picture = signal_chart(bars, *case, instrument=thing, size=size)
    image = Image.open(BytesIO(picture.png))
    assert image.size == shape == (picture.width, picture.height)
    assert image.mode == "P"
    assert len(picture.png) < 100_000


def test_the_dark_theme_is_the_contracts():
    t = theme_named("tv_dark")
    assert (t.background, t.grid, t.up, t.down) == ("#131722", "#363c4e", "#26a69a", "#ef5350")
    rgba = [
        tuple(round(v * 255) if i < 3 else v for i, v in enumerate(c))
        for c in (t.gap, t.order_block, t.session)
    ]
    assert rgba == [(33, 150, 243, 0.3), (255, 152, 0, 0.3), (158, 158, 158, 0.2)]


def test_an_unknown_theme_is_refused_with_the_known_ones():
    with pytest.raises(BadRequestError) as caught:
        theme_named("neon")
    assert caught.value.closest == tuple(THEMES)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
def test_the_axis_shows_the_open_times_of_the_zone_it_names(zone):
    bars, case, thing = drawn_case(6)
    look = Look(TV_DARK, LAYOUTS["phone"], zone, "", "", synthetic=False)
    canvas, mapping = draw_signal(bars, case, thing, look, 100)
    clocks = [(t, b) for t, _, b in words_of(canvas) if len(t) == 5 and t[2] == ":"]
    assert clocks
    for text, box in clocks:
        there = mapping.time_at((box.left + box.right) / 2)
        hour = there.astimezone(__import__("zoneinfo").ZoneInfo(zone))
        assert f"{hour:%H:%M}" == text
    assert f"open times, {zone}" in [t for t, _, _ in words_of(canvas)]


def test_odd_words_are_drawn_not_fatal():
    bars, (signal, plan, trade), thing = drawn_case(5)
    odd = signal.model_copy(update={"symbol": "$x_1$ \n日経 225 \x07", "setup_id": "a$b$c"})
    picture = signal_chart(bars, odd, plan, trade, instrument=thing, run_id="<b>&$")
    assert picture.png.startswith(b"\x89PNG")
