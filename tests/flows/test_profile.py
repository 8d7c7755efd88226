"""The rule profiler on memory ports: gathered, told, tried as a draft on held-out days."""

import pytest

from flows.cli_profile import profile_lines
from flows.profile import PROFILE_TASKS
from flows.profile_text import NOTHING
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.request import RunStatus
from pipeline.research.profile import ProfileReport
from tests.kit.plain_services import NOW, wavy_bars
from tests.kit.research import ended, research_services

SETUP = "Asia_sweep_engulf_v1"
COSTLY = f"/sweep {SETUP} EURUSD M5 2025-05-05..2025-08-31 sl=1|3 spread=80"
"""High costs weigh less on wide stops: a planted effect."""


@pytest.fixture
async def services(tmp_path):
    async with research_services(tmp_path) as given:
        yield given


async def longer(services, days=170):
    await services.bars.merge("EURUSD", Timeframe.M5, wavy_bars(days), source="t", now=NOW)


async def profiled(text, services):
    run = await ended(text, services)
    assert run.status is RunStatus.COMPLETED, run.error
    assert [task.task for task in run.tasks] == list(PROFILE_TASKS)
    return ProfileReport.model_validate(run.report)


async def test_nothing_tried_yet_offers_the_sweep(services):
    with pytest.raises(BadRequestError) as refused:
        await ended(f"/profile {SETUP}", services)
    command = refused.value.corrected
    assert command.startswith(f"/sweep {SETUP} EURUSD M5 ")
    assert (await ended(command, services)).status is RunStatus.COMPLETED
    assert (await profiled(f"/profile {SETUP}", services)).grounds[0].variants >= 4


@pytest.mark.parametrize(
    ("words", "field"),
    [("", "setup_id"), (f"{SETUP} M5", "timeframe"), ("try", "suggestion"),
     ("try run_2025_01_01_001 1", "suggestion"), (f"{SETUP} GER40", "setup_id")],
)  # fmt: skip
async def test_what_can_not_be_is_refused_by_field(services, words, field):
    with pytest.raises(BadRequestError) as refused:
        await ended(f"/profile {words}", services)
    assert refused.value.field == field
    assert await services.runs.newest(1) == []


async def test_a_backtest_and_a_sweep_of_the_same_count_once(services):
    what = f"{SETUP} EURUSD M5 2025-05-05..2025-05-30"
    await ended(f"/sweep {what} rr=1|2|3", services)
    first = await profiled(f"/profile {SETUP}", services)
    await ended(f"/backtest {what} rr=1", services)
    await ended(f"/backtest {what} max_trades=3", services)
    second = await profiled(f"/profile {SETUP}", services)
    (one,), (two,) = first.grounds, second.grounds
    assert (one.variants, two.variants, len(two.runs)) == (3, 3, 2)
    assert one.effects == two.effects
    assert NOTHING in "\n".join(profile_lines(second, services.settings.home))


async def test_synthetic_is_a_family_of_its_own(services):
    what = f"{SETUP} EURUSD M5 2025-05-05..2025-05-30"
    await ended(f"/sweep {what} rr=1|2|3", services)
    run = await ended(f"/sweep {what} rr=1|2|3", services)
    await services.runs.requeue(run.run_id, NOW)
    await services.runs.start(run.run_id, NOW)
    report = {**run.report, "synthetic": True}
    await services.runs.finish(run.run_id, RunStatus.COMPLETED, NOW, report=report)
    real, made_up = (await profiled(f"/profile {SETUP}", services)).grounds
    assert (real.synthetic, made_up.synthetic) == (False, True)
    assert (len(real.runs), len(made_up.runs)) == (1, 1)


async def test_without_kept_trades_summaries_are_told(services):
    run = await ended(f"/sweep {SETUP} EURUSD M5 2025-05-05..2025-05-30 rr=1|2", services)
    await services.runs.requeue(run.run_id, NOW)
    await services.runs.start(run.run_id, NOW)
    files = {k: v for k, v in run.report["artifacts"].items() if k != "variant_trades"}
    report = {**run.report, "artifacts": files}
    await services.runs.finish(run.run_id, RunStatus.COMPLETED, NOW, report=report)
    told = await profiled(f"/profile {SETUP}", services)
    assert (told.grounds[0].variants, told.grounds[0].summaries) == (0, 2)
    assert "2 more are kept as summaries only" in "\n".join(
        profile_lines(told, services.settings.home)
    )


async def test_a_planted_effect_becomes_one_draft(services):
    await longer(services)
    await ended(COSTLY, services)
    found = await profiled(f"/profile {SETUP} EURUSD", services)
    (suggestion,) = found.suggestions
    assert (suggestion.parameter, suggestion.old, suggestion.new) == ("sl", "1", "3")
    tried = [(await profiled(f"/profile try {found.run_id} 1", services)).tried for _ in range(2)]
    assert [t.made for t in tried] == [True, False]
    (first, _) = tried
    assert (first.setup_id, first.rule_version, first.held_out) == (f"My_{SETUP}", "1.1", True)
    assert first.start.isoformat() == "2025-09-01"
    assert first.mean_r > first.mean_r_before
    copy, draft = await services.setups.versions(f"My_{SETUP}")
    assert (copy.status, draft.status) == ("draft", "draft")
    assert draft.reason == suggestion.reason
    assert [(c.field, c.old, c.new) for c in draft.difference] == [("sl", 1.0, 3.0)]
    assert f"My_{SETUP}" not in [spec.setup_id for spec in await services.setups.active()]
