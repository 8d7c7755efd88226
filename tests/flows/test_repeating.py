"""A rerun gives the identical trades or says what changed, even when all kept state is gone."""

import json
import re
from dataclasses import replace

import pytest

from flows import backtest_steps as steps
from flows import control, provenance
from flows.backtest import trade_picture
from flows.comparing import compare_runs
from pipeline.domain.errors import BadBarsError
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Actor, Channel, RunStatus
from tests.kit.plain_services import NOW, InlineCpu, plain_services, wavy_bars

CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
COMMAND = "Asia_sweep_engulf_v1 EURUSD M5 2025-05-05..2025-05-30"
FILES = (
    "results/{}.json",
    "results/{}_trades.json",
    "results/{}_trades.csv",
    "provenance/{}.json",
)


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path, cpu=InlineCpu(draw=False)) as given:
        yield given


async def done(run, services):
    await services.launcher.wait(run.run_id)
    ended = await services.runs.get(run.run_id)
    assert ended.status is RunStatus.COMPLETED, ended.error
    return ended


async def launched(services):
    return await done(await control.launch_text(COMMAND, CHAT, services), services)


async def rerun(run, services, *, swept=True):
    """Run it again; `swept`: after everything kept for a rerun is gone."""
    if swept:
        assert list(services.state.sweep(before=float("inf"))) == [run.run_id]
    return await done(await control.rerun(run.run_id, CHAT, services), services)


def note(run):
    return run.report["warnings"][0]


def count(run):
    return run.report["metrics"]["trades"]


async def test_after_the_sweep_nothing_changed_is_identical(services):
    first = await launched(services)
    before = {f: await services.archive.get(f.format(first.run_id)) for f in FILES}
    again = await rerun(first, services)
    told = f"Computed anew from the bars held now: identical to the first time, {count(first)} trades."
    assert note(again) == told
    assert again.report["metrics"] == first.report["metrics"]
    assert again.provenance["trades_hash"] == first.provenance["trades_hash"]
    for file, data in before.items():
        assert await services.archive.get(file.format(first.run_id)) == data, "untouched"
        assert await services.archive.get(file.format(f"{first.run_id}_a2"))


async def test_kept_results_are_identical_too(services):
    first = await launched(services)
    again = await rerun(first, services, swept=False)
    told = f"Kept results were used: identical to the first time, {count(first)} trades."
    assert note(again) == told


async def test_changed_bars_are_named_with_how_many_trades_differ(services):
    first = await launched(services)
    part = wavy_bars(seed=8).iloc[-1500:]
    await services.bars.merge("EURUSD", Timeframe.M5, part, source="other", now=NOW)
    again = await rerun(first, services)
    assert note(again).startswith("Since the first time the bars changed: ")
    assert f"from the {count(first)} of the first time" in note(again)
    differ, gone, new = (
        sum(map(int, re.findall(pattern, note(again))))
        for pattern in (r"changed: (\d+)", r"(\d+) gone", r"(\d+) new")
    )
    assert count(first) - gone + new == count(again)
    assert differ >= gone + new > 0


async def test_bars_that_change_no_trade_leave_the_trades_identical(services):
    first = await launched(services)
    held = await services.bars.read("EURUSD", Timeframe.M5)
    last = held.iloc[[-1]].copy()
    last["volume"] = 7.0
    await services.bars.merge("EURUSD", Timeframe.M5, last, source="test", now=NOW)
    again = await rerun(first, services)
    assert note(again) == (
        "Since the first time the bars changed; the trades are identical all the same: "
        f"{count(first)} trades."
    )


async def test_changed_rules_under_the_same_number_are_named(services):
    first = await launched(services)
    spec = services.setups.specs["Asia_sweep_engulf_v1"]
    other = spec.model_copy(update={"sl": 1.5})
    services.setups.specs["Asia_sweep_engulf_v1"] = other
    again = await rerun(first, services)
    assert note(again).startswith("Since the first time the rules changed: ")
    assert f"({count(again)} altered)" in note(again)


async def test_other_words_about_the_same_rules_change_nothing(services):
    first = await launched(services)
    spec = services.setups.specs["Asia_sweep_engulf_v1"]
    services.setups.specs["Asia_sweep_engulf_v1"] = spec.model_copy(update={"reason": "typo"})
    assert "identical to the first time" in note(await rerun(first, services))


@pytest.mark.parametrize("swept", [True, False])
async def test_a_changed_setting_is_named_with_both_values(services, swept):
    first = await launched(services)
    other = replace(services, settings=services.settings.model_copy(update={"lots": 2.0}))
    again = await rerun(first, other, swept=swept)
    assert note(again).startswith("Since the first time lots (1 → 2) changed: ")
    assert f"({count(again)} altered)" in note(again)


async def test_a_setting_that_the_run_does_not_use_changes_nothing(services):
    first = await launched(services)
    changed = {"default_spread": 9.0, "sample_every": 3, "timezone": "UTC"}
    other = replace(services, settings=services.settings.model_copy(update=changed))
    assert "identical to the first time" in note(await rerun(first, other))


async def test_a_changed_figure_of_the_instrument_is_named(services, monkeypatch):
    first = await launched(services)
    known = await services.instruments.get("EURUSD")
    changed = known.model_copy(
        update={"commission": known.commission + 1, "tick_size": 0.0001, "title": "Euro"}
    )

    async def get(_symbol):
        return changed

    monkeypatch.setattr(services.instruments, "get", get)
    told = note(await rerun(first, services))
    assert told.startswith("Since the first time commission (")
    assert "instrument: tick size (1e-05 → 0.0001) changed" in told
    assert "Euro" not in told


async def test_a_changed_program_and_libraries_are_named(services, monkeypatch):
    first = await launched(services)
    monkeypatch.setattr(provenance, "code_hash", lambda: "other")
    monkeypatch.setattr(provenance, "libraries", lambda: {"numpy": "9.9"})
    again = await rerun(first, services, swept=False)
    assert note(again).startswith(
        "Since the first time the program, the libraries changed; the trades are identical"
    )


async def test_trades_that_differ_without_a_cause_are_said_to(services, monkeypatch):
    first = await launched(services)
    good = steps.backtester_core

    async def moody(job, found):
        tested = await good(job, found)
        return tested.model_copy(update={"trades": tested.trades[1:]})

    monkeypatch.setattr(steps, "backtester_core", moody)
    again = await rerun(first, services)
    assert note(again) == (
        "Nothing that is recorded has changed since the first time, and yet 1 trade differs from "
        f"the {count(first)} of the first time (1 gone)."
    )


async def test_the_third_time_is_held_against_the_first(services):
    first = await launched(services)
    bars = await services.bars.read("EURUSD", Timeframe.M5)
    await services.bars.merge("EURUSD", Timeframe.M5, wavy_bars(seed=8), source="other", now=NOW)
    await rerun(first, services)
    await services.bars.merge("EURUSD", Timeframe.M5, bars, source="test", now=NOW)
    third = await rerun(first, services)
    assert third.attempt == 3
    assert "identical to the first time" in note(third)
    for stem in (first.run_id, f"{first.run_id}_a2", f"{first.run_id}_a3"):
        assert await services.archive.get(f"results/{stem}_trades.json")


async def test_trades_and_comparisons_are_those_of_the_newest_attempt(services):
    first = await launched(services)
    twin = await launched(services)
    other = replace(services, settings=services.settings.model_copy(update={"lots": 2.0}))
    again = await rerun_one_of(first, other)
    assert again.report["artifacts"]["trades_json"].endswith("_a2_trades.json")
    _, facts = await trade_picture(first.run_id, 0, services)
    assert facts["trade"]["lots"] == 2.0
    found, _ = await compare_runs(twin.run_id, first.run_id, services)
    assert [(p.field, p.one, p.two) for p in found.settings] == [("lots", 1.0, 2.0)]


async def rerun_one_of(run, services):
    services.state.of_run(run.run_id).clear()
    return await done(await control.rerun(run.run_id, CHAT, services), services)


async def test_an_attempt_after_a_failure_keeps_the_plain_names(services, monkeypatch):
    async def fail(*_):
        raise BadBarsError("once")

    good = steps.backtester_core
    monkeypatch.setattr(steps, "backtester_core", fail)
    run = await control.launch_text(COMMAND, CHAT, services)
    await services.launcher.wait(run.run_id)
    monkeypatch.setattr(steps, "backtester_core", good)
    again = await rerun(run, services, swept=False)
    assert note(again).startswith("Kept results were used: nothing")
    assert again.report["artifacts"]["trades_json"] == f"archive/results/{run.run_id}_trades.json"


async def test_a_first_result_that_cant_be_read_is_said(services):
    first = await launched(services)
    await services.archive.put(
        f"results/{first.run_id}_trades.json", b'{"signals": [], "missed": [], "trades": [{}]}',
        run_id=first.run_id, role="trades", media_type="application/json",
    )  # fmt: skip
    origin = {**first.provenance, "trades_hash": "of an older program"}
    await services.archive.put(
        f"provenance/{first.run_id}.json", json.dumps(origin).encode(),
        run_id=first.run_id, role="provenance", media_type="application/json",
    )  # fmt: skip
    assert note(await rerun(first, services)) == (
        "The first result can't be read; it was not compared."
    )


async def test_what_decides_the_trades_is_recorded(services):
    origin = (await launched(services)).provenance
    assert origin["execution"]["lots"] == 1.0
    assert origin["execution"]["fill"] == "drilldown"
    assert origin["instrument"]["tick_size"] == 1e-05
    assert len(origin["seeds"]["robustness"]) == 64
    assert len(origin["code_hash"]) == 16
    assert origin["app_version"][0].isdigit()
    assert origin["trades"] > 0
