"""The analyst in a backtest: asked only on request, and its absence costs nothing else."""

import asyncio
import json
from dataclasses import replace

import pytest

from bot import views_report
from flows import control
from flows.backtest_analysis import NOT_ASKED
from flows.cli_views import report_lines
from pipeline.domain.errors import AnalystDownError, AnalystRefusedError
from pipeline.domain.report import BacktestReport, DeliveryKind
from pipeline.domain.request import Actor, Channel, RunStatus
from tests.flows.test_analyst_desk import FakeAnalyst
from tests.kit.analyst import OPINION
from tests.kit.deliveries import owed
from tests.kit.plain_services import plain_services

COMMAND = "/backtest Asia_sweep_engulf_v1 EURUSD M5 2025-05-01..2025-05-30"
CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=7, name="Ann")


async def run_of(tmp_path, fake, words=" analyze_with_llm", **settings):
    async with plain_services(tmp_path, **settings) as given:
        services = replace(given, analyst=fake)
        run = await control.launch_text(COMMAND + words, CHAT, services)
        async with asyncio.timeout(30):
            while not run.status.ended:
                await asyncio.sleep(0.01)
                run = await services.runs.get(run.run_id)
        deliveries = await owed(services.outbox)
    assert run.status is RunStatus.COMPLETED
    [told] = [d for d in deliveries if d.kind is DeliveryKind.REPORT]
    report = BacktestReport.model_validate(told.payload["report"])
    task = {t.task: t for t in report.tasks_completed}["gpt_analysis"]
    return run, report, task


async def test_it_sees_figures_and_picture_and_its_opinion_is_in_report_chat_and_terminal(
    tmp_path,
):
    fake = FakeAnalyst()
    run, report, task = await run_of(tmp_path, fake)
    assert task.status == "success"
    [question] = fake.asked
    assert question.image.startswith(b"\x89PNG")
    facts = json.loads(question.facts.removeprefix("<facts>\n").removesuffix("\n</facts>"))
    assert facts["metrics"]["trades"] == report.metrics.trades
    assert facts["chance"]["verdict"] == report.robustness.verdict.value
    assert facts["standing_among_variants"]["tried"] == report.standing.tried == 1
    assert facts["steps_of_the_setup"] and "run_id" not in question.facts
    assert report.analysis.opinion.bias == "long" and report.analysis.subject == run.run_id
    text = views_report.report(report).text
    assert "Analyst: long, quality 4 of 5" in text and "Against: News is near." in text
    lines = "\n".join(report_lines(report, tmp_path))
    assert "Analyst: long, quality 4 of 5" in lines


async def test_it_is_not_asked_without_a_request(tmp_path):
    fake = FakeAnalyst()
    _, report, task = await run_of(tmp_path, fake, "")
    assert fake.asked == [] and report.analysis is None
    assert (task.status, task.error) == ("skipped", NOT_ASKED)
    assert "Analyst" not in views_report.report(report).text


@pytest.mark.parametrize(
    ("fake", "status", "words"),
    [
        (None, "skipped", "OPENAI_API_KEY"),
        (FakeAnalyst(error=AnalystRefusedError("check OPENAI_API_KEY")), "failed", "check"),
        (FakeAnalyst(error=AnalystDownError("It can't be reached.")), "failed", "reached"),
        (FakeAnalyst("no form"), "failed", "form"),
    ],
)
async def test_what_is_missing_is_named_and_nothing_else_changes(tmp_path, fake, status, words):
    _, plain, _ = await run_of(tmp_path / "plain", None, "")
    _, report, task = await run_of(tmp_path / "asked", fake)
    assert task.status == status and words in task.error and task.attempt == 1
    text = views_report.report(report).text
    assert "Analyst: no opinion." in text and words in text
    assert words in "\n".join(report_lines(report, tmp_path))
    assert report.metrics == plain.metrics and report.robustness == plain.robustness
    assert report.artifacts.keys() == plain.artifacts.keys()


async def test_made_up_numbers_don_t_reach_the_report(tmp_path):
    said = {**OPINION, "reasons": ["It won 97.31 % of trades.", "It has few trades."]}
    _, report, _ = await run_of(tmp_path, FakeAnalyst(said))
    assert report.analysis.dropped == ("It won 97.31 % of trades.",)
    text = views_report.report(report).text
    assert "97.31" not in text and "1 sentence was left out" in text
