"""The verification's story on memory ports: card, refusals, a planted fault, cancel, rerun."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from bot.reports import report_view
from flows import control, verify_compute
from flows.cli_reports import lines_of_report
from flows.verify import CHECKS, VERIFY_TASKS
from pipeline.detectors import base, get
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import RunStatus
from pipeline.verify.report import VerifyReport
from tests.kit.deliveries import owed
from tests.kit.research import CHAT, ended, research_services

TEXT = "/verify Asia_sweep_engulf_v1"


@pytest.fixture
async def services(tmp_path):
    async with research_services(tmp_path) as given:
        yield given


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Draw few cuts: what they find is the subject of other tests."""
    fields = verify_compute.VerifyJob.__init__

    def small(self, **given):
        fields(self, **{**given, "cuts": 25, "sessions": 5})

    monkeypatch.setattr(verify_compute.VerifyJob, "__init__", small)
    monkeypatch.setattr("flows.tasks.BACKOFF", 0.001)


async def test_from_the_command_to_the_card(services):
    run = await ended(TEXT, services)
    assert run.status is RunStatus.COMPLETED, run.error
    assert run.run_id.startswith("run_")
    assert [task.task for task in run.tasks] == list(VERIFY_TASKS)
    report = VerifyReport.model_validate(run.report)
    assert [check.name for check in report.checks] == list(CHECKS)
    assert not [c.difference for c in report.checks if c.name != "counts" and c.difference]
    assert (report.symbol, report.timeframe) == ("EURUSD", "M5")
    by_name = {check.name: check for check in report.checks}
    assert by_name["prefixes"].figures["cuts"] == 25 + verify_compute.WHOLE_CUTS
    assert by_name["prefixes"].compared > 10_000
    assert by_name["replay"].figures["scans"] > 50
    assert run.provenance["data_hash"]
    kinds = [d.kind for d in await owed(services.outbox)]
    assert kinds == [DeliveryKind.PROGRESS, DeliveryKind.REPORT, DeliveryKind.DOCUMENT]
    card = report_view(run.report)
    assert "Live equals backtest" in card.text
    assert run.run_id in card.text
    lines = lines_of_report(run.report, services.settings.home / "archive")
    assert sum("values compared" in line for line in lines) == 5


async def test_a_planted_fault_is_on_the_card_with_time_and_both_values(services, monkeypatch):
    honest = get("atr").detect
    peeking = replace(get("atr"), detect=lambda *given: np.append(honest(*given)[1:], np.nan))
    monkeypatch.setitem(base._REGISTRY, "atr", peeking)
    run = await ended(TEXT, services)
    assert run.status is RunStatus.COMPLETED
    report = VerifyReport.model_validate(run.report)
    assert report.verdict == "failed"
    found = {check.name: check for check in report.checks}["prefixes"].difference
    assert found.what == "atr"
    card = report_view(run.report).text
    for word in ("First difference", "without the bars after", found.left, found.right, "UTC"):
        assert word in card


async def test_a_symbol_is_chosen_and_bad_words_are_refused(services):
    with pytest.raises(BadRequestError, match="No bars of GER40") as refused:
        await control.launch_text(f"{TEXT} GER40", CHAT, services)
    assert refused.value.corrected.startswith("/verify Asia_sweep_engulf_v1 EURUSD")
    with pytest.raises(BadRequestError, match="setup") as refused:
        await control.launch_text("/verify", CHAT, services)
    assert refused.value.corrected.startswith("/verify ")
    with pytest.raises(BadRequestError, match="only") as refused:
        await control.launch_text(f"{TEXT} rr=2", CHAT, services)
    with pytest.raises(BadRequestError) as refused:
        await control.launch_text("/verify Asia_sweep_engulf_v9", CHAT, services)
    assert "/verify Asia_sweep_engulf_v1" in refused.value.corrected
    assert not await services.runs.newest(5)


async def test_a_timeframe_that_held_bars_give_is_chosen(services):
    run = await control.launch_text("/verify Frank_raid_v1", CHAT, services)
    assert run.request["timeframe"] == Timeframe.M5, "M1 is its own, M5 is what is held"
    assert run.request["extra"]["rule_version"]
    await services.launcher.wait(run.run_id)


async def test_cancel_ends_it_between_pieces(services, monkeypatch):
    begun = asyncio.Event()
    plain = services.cpu.run

    async def slow(fn, *args, **kwargs):
        if fn.__name__ == "prefixes":
            begun.set()
            await asyncio.sleep(0.05)
        return await plain(fn, *args, **kwargs)

    monkeypatch.setattr(services.cpu, "run", slow)
    monkeypatch.setattr("flows.execution.CANCEL_POLL", 0.005)
    run = await control.launch_text(TEXT, CHAT, services)
    await begun.wait()
    await control.cancel(run.run_id, CHAT, services)
    await services.launcher.wait(run.run_id)
    found = await services.runs.get(run.run_id)
    assert found.status is RunStatus.CANCELLED


async def test_a_rerun_tells_what_was_kept(services):
    run = await ended(TEXT, services)
    services.cpu.calls.clear()
    again = await control.rerun(run.run_id, CHAT, services)
    await services.launcher.wait(again.run_id)
    found = await services.runs.get(run.run_id)
    assert found.report["checks"] == run.report["checks"]
    assert not {"prefixes", "replayed"} & set(services.cpu.calls)
