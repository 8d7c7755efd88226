"""Whatever a report or caption holds, Telegram takes the message: length and entities fit."""

from datetime import UTC, date, datetime

import pytest
from aiogram.utils.formatting import Bold, Code, Text
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import views_data, views_report, views_runs
from bot.keyboards import CommandCb
from bot.layout import CAPTION_LIMIT, MESSAGE_LIMIT, View, fit, units
from bot.texts import en
from pipeline.domain.errors import BadRequestError
from pipeline.domain.report import BacktestReport, Holding, Interval, Metrics, MonthResult
from pipeline.domain.request import Actor, Channel, Run, RunStatus, TaskRecord
from pipeline.domain.signal import FunnelStep

NOW = datetime(2025, 10, 31, 10, tzinfo=UTC)
words = st.text(max_size=300)
number = st.floats(allow_nan=True, allow_infinity=True, width=32)
maybe = st.none() | number


def metrics_of(**changes) -> Metrics:
    values = {
        "trades": 59,
        "wins": 20,
        "win_rate": Interval(value=0.34, low=0.23, high=0.47),
        "expectancy_r": -0.23,
        "expectancy_se": 0.14,
        "profit_factor": 0.7,
        "total_r": -13.6,
        "total_points": -120.4,
        "total_pnl": -1204.0,
        "costs": 88.5,
        "max_drawdown_r": 15.0,
        "max_drawdown_pnl": 1500.0,
        "break_even_rate": 0.36,
        "average_win_r": 1.9,
        "average_loss_r": -1.05,
        "longest_losing_run": 8,
        "ambiguous": 6,
        "total_r_worst": -18.0,
        "total_r_best": -8.0,
        "months": (MonthResult(month="2025-05", trades=10, rr=-2.0, pnl=-100.0),),
    }
    return Metrics(**{**values, **changes})


def report_of(**changes) -> BacktestReport:
    values = {
        "run_id": "bt_2025_10_31_001",
        "flow_status": "completed",
        "start_time": NOW,
        "end_time": NOW,
        "execution_time_minutes": 0.1,
        "tasks_completed": (),
        "results_summary": {},
        "artifacts": {},
        "request": {},
        "setup_id": "Frank_raid_v1",
        "rule_version": "1.0",
        "symbol": "EURUSD",
        "timeframe": "M1",
        "period_start": date(2025, 5, 1),
        "period_end": date(2025, 10, 31),
        "source": "HistData",
        "data_quality": 0.987,
        "currency": "USD",
        "metrics": metrics_of(),
        "costs": {"spread_points": None, "slippage_points": 0.5},
        "funnel": (FunnelStep(step="raid", title="Raid", days=80, cases=109, lost={"late": 3}),),
        "warnings": ("few trades",),
    }
    return BacktestReport(**{**values, **changes})


def accepted(view: View, limit: int = MESSAGE_LIMIT) -> None:
    """Check what Telegram checks."""
    size = units(view.text)
    assert size <= limit
    view.text.encode()
    for entity in view.entities:
        assert entity.offset >= 0
        assert entity.length > 0
        assert entity.offset + entity.length <= size
    if view.keyboard:
        for line in view.keyboard.inline_keyboard:
            for button in line:
                assert button.text
                assert len((button.callback_data or "").encode()) <= 64
                assert button.copy_text is None or 1 <= units(button.copy_text.text) <= 256


class TestFit:
    @given(words, words, st.integers(min_value=30, max_value=500))
    @settings(max_examples=100, deadline=None)
    def test_any_text_fits(self, a, b, limit):
        accepted(fit(Text(a, Bold(b), "\n", Code(a + b)), limit=limit), limit)

    def test_cuts_at_a_line(self):
        view = fit(Text("\n".join(["twelve chars"] * 600)))
        assert view.text.endswith("twelve chars" + "\n… (shortened)")

    def test_counts_like_telegram(self):
        view = fit(Text("🙂" * 3000))
        accepted(view)
        assert units(view.text) > MESSAGE_LIMIT - 20

    def test_an_entity_over_the_cut_ends_there(self):
        view = fit(Bold("x" * 5000))
        accepted(view)
        assert view.entities[0].length == MESSAGE_LIMIT - units("\n… (shortened)")

    def test_lone_surrogates_and_nul_do_not_reach_telegram(self):
        assert fit(Text("a\ud800\0b")).text == "a\ufffd\ufffdb"


class TestReport:
    @given(
        warnings=st.lists(words, max_size=30),
        source=words,
        titles=st.lists(words, max_size=30),
        expectancy=maybe,
        error=maybe,
        factor=maybe,
        trades=st.integers(0, 10**6),
        ambiguous=st.integers(0, 100),
    )
    @settings(max_examples=100, deadline=None)
    def test_any_report_is_accepted(
        self, warnings, source, titles, expectancy, error, factor, trades, ambiguous
    ):
        figures = metrics_of(
            trades=trades,
            expectancy_r=expectancy,
            expectancy_se=error,
            profit_factor=factor,
            ambiguous=ambiguous,
        )
        funnel = tuple(FunnelStep(step="s", title=t, days=1, cases=1, lost={t: 1}) for t in titles)
        accepted(
            views_report.report(
                report_of(metrics=figures, warnings=warnings, source=source, funnel=funnel)
            )
        )

    def test_says_what_matters(self):
        text = views_report.report(report_of()).text
        for part in (
            "Frank_raid_v1 v1.0",
            "59 trades, win rate 34% (23% – 47%)",
            "-0.23 R a trade, standard error 0.14",
            "Cannot be told from zero: the mean lies between -0.51 and +0.05 R",
            "-13.6 R, -120.4 points, -1,204.00 USD",
            "Profit factor 0.70",
            "Break-even win rate 36%",
            "6 ambiguous",
            "-18.0 R at worst and -8.0 R at best",
            "Costs paid 88.50 USD",
            "data quality 99%",
            "few trades",
            "spread as the bars have it",
        ):
            assert part in text, part

    def test_synthetic_bars_are_named_first(self):
        text = views_report.report(report_of(synthetic=True, source="SYNTHETIC")).text
        assert text.splitlines()[2].startswith("SYNTHETIC")

    def test_no_trades_show_the_funnel_and_no_trades_button(self):
        view = views_report.report(report_of(metrics=None))
        assert en.NO_TRADES in view.text
        assert "1. Raid: 80 days, 109 cases" in view.text
        assert "fell away: late 3" in view.text
        texts = [b.text for line in view.keyboard.inline_keyboard for b in line]
        assert texts == [en.BUTTON_RERUN, en.BUTTON_CHANGE]

    def test_variants_differ_from_the_run(self):
        request = {
            "setup_id": "A",
            "symbol": "EURUSD",
            "timeframe": "M5",
            "start": "2025-05-01",
            "end": "2025-05-31",
            "options": {"rr_target": 2.0, "parallel": False, "fill": "drilldown", "lots": None},
        }
        own = "/backtest A EURUSD M5 2025-05-01..2025-05-31 rr_target=2 parallel=false"
        assert views_report.command_of(request) == own
        commands = [command for _, command in views_report.variants(request)]
        assert own not in commands
        assert len(set(commands)) == len(commands) == 5


def run_of(**changes) -> Run:
    values = {
        "run_id": "bt_2025_10_31_001",
        "flow_type": "backtest_flow",
        "status": RunStatus.RUNNING,
        "request": {"setup_id": "Frank_raid_v1", "symbol": "EURUSD", "timeframe": "M1"},
        "actor": Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=1),
        "created_at": NOW,
        "tasks": (TaskRecord(task="data_ingest", status="success", duration_sec=0.3),),
    }
    return Run(**{**values, **changes})


class TestRuns:
    def test_progress_shows_tasks_and_a_way_to_stop(self):
        payload = {
            "run_id": "bt_2025_10_31_001",
            "title": "T",
            "status": "running",
            "percent": 50,
            "tasks": [
                {"task": "data_ingest", "status": "success", "duration_sec": 0.31},
                {"task": "visualizer", "status": "pending", "duration_sec": 0},
            ],
        }
        view = views_runs.progress(payload)
        accepted(view)
        assert "✓ Load bars 0.3 s" in view.text
        assert "· Draw charts" in view.text
        assert "█████░░░░░ 50 %" in view.text
        assert view.keyboard.inline_keyboard[0][0].text == en.BUTTON_CANCEL

    @pytest.mark.parametrize(("place", "part"), [(1, "Next"), (3, "Number 3")])
    def test_place_in_queue(self, place, part):
        view = views_runs.progress({"run_id": "r", "status": "queued", "place": place})
        assert part in view.text

    @given(words, st.lists(words, max_size=20))
    @settings(max_examples=50, deadline=None)
    def test_any_failure_is_accepted(self, error, tasks):
        records = tuple(TaskRecord(task=t, status="failed") for t in tasks)
        accepted(views_runs.status(run_of(error=error, tasks=records, status=RunStatus.FAILED)))

    def test_many_runs_fit(self):
        accepted(views_runs.runs([run_of(run_id=f"bt_2025_10_31_{i:03}") for i in range(60)]))

    @given(words, words, st.lists(st.text(min_size=1, max_size=100), max_size=4))
    @settings(max_examples=50, deadline=None)
    def test_any_refusal_is_accepted(self, text, corrected, closest):
        error = BadRequestError(
            text, field="f", closest=tuple(closest), corrected=corrected.replace("\0", "")
        )
        accepted(views_runs.refused(error, [(c.replace("\0", " "), "x" * 12) for c in closest]))

    def test_trade_caption_fits_and_pages(self):
        facts = {
            "total": 59,
            "text": "t" * 2000,
            "trade": {
                "entry_price": 1.1,
                "sl_price": 1.0,
                "tp_price": 1.3,
                "exit_price": 1.3,
                "exit_reason": "TP",
                "rr": 2.0,
                "pnl_points": 20.0,
                "mae": -0.1,
                "mfe": 2.0,
                "ambiguous": True,
                "rr_worst": -1.0,
                "rr_best": 2.0,
            },
        }
        view = views_runs.trade_caption("bt_2025_10_31_001", 0, facts)
        accepted(view, CAPTION_LIMIT)
        back, ahead = view.keyboard.inline_keyboard[0]
        assert (back.callback_data, ahead.callback_data) == (
            "t:bt_2025_10_31_001:58:1",
            "t:bt_2025_10_31_001:1:1",
        )

    def test_prices_keep_the_instruments_digits(self):
        prices = {
            "entry_price": 63123.456,
            "sl_price": 63000.0,
            "tp_price": 1.0958,
            "exit_price": 2,
        }
        result = {"exit_reason": "TP", "rr": 1.0, "pnl_points": 1.0, "mae": 0.0, "mfe": 0.0}
        result |= {"rr_worst": 1.0, "rr_best": 1.0}
        facts = {"total": 1, "text": "", "digits": 2, "trade": {**prices, **result}}
        text = views_runs.trade_caption("bt_2025_10_31_001", 0, facts).text
        assert "Entry 63123.46, stop 63000.00" in text
        assert "Target 1.10, exit 2.00" in text


class TestData:
    def test_holdings(self):
        held = Holding(
            symbol="EURUSD", timeframe="M1", bars=372000, first=NOW, last=NOW,
            sources=("SYNTHETIC",), synthetic=True, score=0.98,
        )  # fmt: skip
        text = views_data.holdings([held]).text
        assert "EURUSD M1: 372,000 bars" in text
        assert "98%" in text

    def test_nothing_held_says_how_to_begin(self):
        assert "CSV" in views_data.holdings([]).text

    @given(words, st.lists(words, max_size=40))
    @settings(max_examples=50, deadline=None)
    def test_any_setup_is_accepted(self, about, rules):
        versions = [{"version": "1.0", "at": NOW, "author": about, "reason": about}]
        accepted(views_data.setup("t", about, rules, versions))

    def test_help_names_every_command_of_a_role(self):
        assert "/users" in views_data.help_text("owner").text
        assert "/users" not in views_data.help_text("viewer").text
        for role in ("owner", "trader", "viewer"):
            accepted(views_data.help_text(role))
            accepted(views_data.hello(role, ["/backtest a"]))


def test_a_long_command_gets_no_copy_button_but_keeps_its_run_button():
    view = views_runs.old_command("/backtest " + "x" * 400, "token")
    accepted(view)
    datas = [b.callback_data for line in view.keyboard.inline_keyboard for b in line]
    assert datas == [CommandCb(token="token").pack()]
