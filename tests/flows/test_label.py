"""Labelling from the command to the rows: a backtest's trades again, once each, and live's rule."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.reports import report_view
from flows import control
from flows.cli_reports import lines_of_report
from flows.label import LABEL_TASKS
from pipeline.backtest.ending import WAITS
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel, RunStatus
from pipeline.domain.signal import Signal
from pipeline.domain.trade import ExitReason, Missed, Trade
from pipeline.domain.train_report import LabelReport
from pipeline.domain.training import TrainingData
from pipeline.ml.features import FEATURE_VERSION, FEATURES
from pipeline.setups.rules import parse_setup
from storage.memory import MemoryLabelStore
from tests.kit.deliveries import owed
from tests.kit.plain_services import LIBRARY, LibrarySetups, plain_services

CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
SETUP = "Asia_sweep_engulf_v1"
EVERY_BAR = Path(__file__).parents[1] / "kit" / "every_engulfing_bar.yaml"
LIVELY = "Every_engulfing_v1"
END = datetime(2025, 5, 24, tzinfo=UTC)
WHAT = f"{SETUP} EURUSD M5 2025-05-05..2025-05-23"


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path) as given:
        text = EVERY_BAR.read_text("utf-8").replace("buffer_atr: 10", "buffer_atr: 0.5")
        text = text.replace("max_hold_minutes: 30", "max_hold_minutes: 240")
        given.setups.specs[LIVELY] = parse_setup(text, EVERY_BAR.name)
        yield given


async def ended(text, services, actor=CHAT):
    run = await control.launch_text(text, actor, services)
    await services.launcher.wait(run.run_id)
    run = await services.runs.get(run.run_id)
    assert run.status is RunStatus.COMPLETED, run.error
    return run


async def label(services, what=WHAT):
    run = await ended(f"/label {what}", services)
    assert [task.task for task in run.tasks] == list(LABEL_TASKS)
    return LabelReport.model_validate(run.report)


async def rows(services):
    """Every row of the table, those without a label too."""
    return sorted(services.labels._rows.values(), key=lambda row: (row.known_at, row.signal_id))


@pytest.mark.parametrize("setup", [SETUP, LIVELY])
async def test_labels_are_what_the_backtests_trades_say(services, setup):
    """Of the same period; labels look beyond it, so trades that its end cuts are left out."""
    what = f"{setup} EURUSD M5 2025-05-05..2025-05-23"
    report = await label(services, what)
    held = {(r.known_at, r.side): r for r in await rows(services)}
    run = await ended(f"/backtest {what}", services)
    kept = json.loads(await services.archive.get(f"results/{run.run_id}_trades.json"))
    signals = {s["signal_id"]: Signal.model_validate(s) for s in kept["signals"]}
    compared = 0
    for trade in map(Trade.model_validate, kept["trades"]):
        signal = signals.pop(trade.signal_id)
        row = held.pop((signal.known_at, trade.side.value))
        if trade.exit_reason is ExitReason.TIME and trade.exit_time >= END:
            continue
        compared += 1
        assert row.label == int(trade.exit_reason is ExitReason.TP)
        assert (row.rr, row.exit_reason) == (trade.rr, trade.exit_reason.value)
        assert row.known_at < row.resolved_at
        assert timedelta(0) <= row.resolved_at - trade.exit_time <= Timeframe.M5.delta
        assert (row.setup_id, row.rule_version) == (setup, report.rule_version)
        # The data's quality floors it, and labels read some days more.
        assert row.confidence == pytest.approx(signal.confidence, abs=0.01)
        assert row.feature_version == FEATURE_VERSION
        assert set(row.features) == set(FEATURES)
    for missed in map(Missed.model_validate, kept["missed"]):
        signal = signals.pop(missed.signal_id)
        row = held.pop((signal.known_at, signal.side.value), None)
        if missed.reason != WAITS:
            assert (row.label, row.rr, row.exit_reason) == (None, None, str(missed.reason))
    assert compared > 4
    assert {r.label for r in await rows(services)} == {0, 1}
    assert not held


async def test_the_report_counts_what_the_table_holds(services):
    report = await label(services)
    held = await rows(services)
    filled = [r for r in held if r.label is not None]
    assert report.labelled == report.total_labelled == len(filled)
    assert report.positives == sum(r.label for r in filled)
    assert report.unfilled == len(held) - len(filled)
    assert (report.added, report.updated, report.removed) == (len(held), 0, 0)
    [only] = report.sets
    share, even = only.figures.share, only.figures.break_even
    assert share.low < share.value == report.positives / report.labelled < share.high
    won = [r.rr for r in filled if r.label == 1]
    lost = [r.rr for r in filled if r.label == 0]
    assert even * sum(won) / len(won) + (1 - even) * sum(lost) / len(lost) == pytest.approx(0)
    assert sum(only.figures.exits.values()) == len(held)
    assert all(r.run_id == report.run_id and r.source == "backtest" for r in held)


async def test_labelled_again_no_row_is_there_twice(services):
    first = await label(services)
    before = await rows(services)
    second = await label(services)
    assert (second.added, second.updated, second.removed) == (0, len(before), 0)
    after = await rows(services)
    assert [r.model_copy(update={"run_id": first.run_id}) for r in after] == before


async def test_a_completed_run_that_is_run_again_labels_anew(services):
    report = await label(services)
    services.labels._rows.clear()
    run = await control.rerun(report.run_id, CHAT, services)
    await services.launcher.wait(run.run_id)
    run = await services.runs.get(report.run_id)
    assert run.status is RunStatus.COMPLETED, run.error
    assert run.report["added"] == report.added == len(await rows(services))


class Newer(LibrarySetups):
    """The library with a later version of one setup, which wants its target further off."""

    def __init__(self):
        super().__init__()
        spec = self.specs[SETUP]
        text = (LIBRARY / f"{SETUP}.yaml").read_text(encoding="utf-8")
        assert spec.rule_version != "9.9"
        self.specs[SETUP] = parse_setup(text, f"{SETUP}.yaml").model_copy(
            update={"rule_version": "9.9"}
        )


async def test_another_version_of_the_rules_takes_the_rows_over(services):
    """A signal that both versions find is one row, which tells of the newer."""
    await label(services)
    before = {r.signal_id for r in await rows(services)}
    report = await label(replace(services, setups=Newer()))
    after = await rows(services)
    assert {r.rule_version for r in after} == {"9.9"} == {report.rule_version}
    assert {r.signal_id for r in after} == before
    assert (report.added, report.updated, report.removed) == (0, len(before), 0)


async def test_all_setups_in_one_run(services):
    report = await label(services, "all EURUSD M5 2025-05-05..2025-05-23")
    assert {one.setup_id for one in report.sets} == set(services.setups.specs)
    assert report.labelled == sum(one.figures.labelled for one in report.sets)
    assert report.labelled == len(await services.labels.select(TrainingData()))
    assert {one.timeframe for one in report.sets} == {"M5"}
    counted = await services.labels.count()
    assert counted == {
        one.setup_id: one.figures.labelled for one in report.sets if one.figures.labelled
    }


async def test_all_without_a_timeframe_takes_each_setups_own_or_the_first_that_is_held(services):
    report = await label(services, "all EURUSD 2025-05-05..2025-05-16")
    frames = {one.setup_id: one.timeframe for one in report.sets}
    assert frames["Asia_fvg_break_v2"] == "M15"
    assert frames["Frank_raid_v1"] == "M5"  # its own is M1, and M5 bars alone are held


async def test_one_setups_end_is_looked_for_beyond_the_period(services):
    """A period cut in two gives the rows that it gives whole."""
    await label(services)
    whole = [r.model_copy(update={"run_id": ""}) for r in await rows(services)]
    services = replace(services, labels=MemoryLabelStore())
    await label(services, f"{SETUP} EURUSD M5 2025-05-05..2025-05-14")
    await label(services, f"{SETUP} EURUSD M5 2025-05-15..2025-05-23")
    assert [r.model_copy(update={"run_id": ""}) for r in await rows(services)] == whole


async def test_signals_of_other_days_stay(services):
    await label(services)
    before = {r.signal_id for r in await rows(services)}
    report = await label(services, f"{SETUP} EURUSD M5 2025-05-12..2025-05-14")
    assert report.removed == 0
    assert {r.signal_id for r in await rows(services)} == before


@pytest.mark.parametrize(
    ("text", "field", "closest", "corrected"),
    [
        ("/label Asia_sweep EURUSD 2025-05", "setup_id", SETUP, f"/label {SETUP} EURUSD 2025-05"),
        ("/label all EURUDS 2025-05", "symbol", "EURUSD", "/label all EURUSD 2025-05"),
        ("/label all EURUSD", "period", None, "/label all EURUSD"),
        ("/label EURUSD 2025-05", "setup_id", "Asia_fvg_break_v2", "/label Asia_fvg_break_v2"),
        ("/label all EURUSD 2025-05 spread=1", "option", None, "/label all EURUSD 2025-05"),
        ("/label all EURUSD 2025-05 dry_run", "option", None, "/label all EURUSD 2025-05"),
        ("/label all GER40 2025-05", "symbol", "EURUSD", ""),
        (f"/label {SETUP} GER40 2025-05", "symbol", "EURUSD", f"/label {SETUP} EURUSD"),
        (f"/label {SETUP} EURUSD 2024-05", "start", None, "/label"),
    ],
)
async def test_a_refusal_names_field_and_fix_and_starts_nothing(
    services, text, field, closest, corrected
):
    with pytest.raises(BadRequestError) as refused:
        await control.launch_text(text, CHAT, services)
    error = refused.value
    assert error.field == field
    assert closest is None or error.closest[0] == closest
    assert error.corrected.startswith(corrected)
    assert "/backtest" not in error.corrected
    assert await services.runs.newest(5) == []
    [trail] = await services.audit.newest(5)
    assert (trail.action, trail.verdict) == ("label", "refused")


async def test_no_signal_is_no_failure(services):
    report = await label(services, f"{SETUP} EURUSD M5 2025-05-10..2025-05-12")
    assert (report.signals, report.labelled, report.total_labelled) == (0, 0, 0)
    assert "No signals" in report_view(report.model_dump(mode="json")).text
    assert report.sets[0].figures.share is None


async def test_it_is_told_in_chat_and_on_the_command_line(services, tmp_path):
    run = await ended("/label all EURUSD M5 2025-05-05..2025-05-23", services)
    told = [d for d in await owed(services.outbox) if d.kind is DeliveryKind.REPORT]
    [delivery] = told
    shown = report_view(delivery.payload["report"]).text
    lines = "\n".join(lines_of_report(run.report, tmp_path))
    for words in (
        "labelled of",
        "Target reached",
        "Breaks even at",
        "rows are held in all",
        "Rows: ",
    ):
        assert words in shown
        assert words in lines
