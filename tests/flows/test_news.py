"""A run whose setup asks for the news calendar: its provenance, its warnings, its rerun."""

import pytest

from flows import control
from pipeline.domain.request import Actor, Channel
from pipeline.setups.rules import parse_setup
from tests.kit.plain_services import plain_services
from tests.kit.setups import TEXTS

CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
COMMAND = "Quiet_sweep EURUSD M5 2025-05-05..2025-05-30"
RULE = "{name: quiet, weight: 1, required: true, news_free: {minutes_before: 0, minutes_after: 0}}"
TEXT = TEXTS["Asia_sweep_engulf_v1.yaml"].replace("Asia_sweep_engulf_v1", "Quiet_sweep")
TEXT = TEXT.replace("confluences:\n", f"confluences:\n  - {RULE}\n")
HEAD = "time,currency,impact,title\n"
WHOLE = HEAD + "2025-04-01 00:00,EUR,none,from\n2025-07-01 00:00,EUR,none,until\n"


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path) as given:
        spec = parse_setup(TEXT, "quiet.yaml")
        given.setups.specs[spec.setup_id] = spec
        yield given


async def report_of(services, run):
    await services.launcher.wait(run.run_id)
    return await services.runs.get(run.run_id)


async def test_without_a_calendar_there_are_no_signals_and_the_report_says_why(services):
    run = await report_of(services, await control.launch_text(COMMAND, CHAT, services))
    assert run.report["metrics"]["trades"] == 0
    assert "No news calendar: put news.csv into SCOUT_HOME" in " ".join(run.report["warnings"])
    assert "gives no signals" in " ".join(run.report["warnings"])
    assert run.provenance["news_hash"] is None
    assert "required: quiet (no news calendar for that time)" in run.report["funnel"][-1]["lost"]


async def test_a_calendar_that_ends_too_early_is_told(services):
    services.news.text = HEAD + "2025-04-01 00:00,EUR,low,x\n2025-05-16 00:00,EUR,low,x\n"
    run = await report_of(services, await control.launch_text(COMMAND, CHAT, services))
    told = "The news calendar (news.csv) reaches from 2025-04-01 to 2025-05-16 only"
    assert told in " ".join(run.report["warnings"])
    assert run.report["metrics"]["trades"] > 0


async def test_the_calendar_is_part_of_what_makes_the_run(services):
    services.news.text = WHOLE
    run = await report_of(services, await control.launch_text(COMMAND, CHAT, services))
    assert run.report["metrics"]["trades"] > 0
    assert not [w for w in run.report["warnings"] if "news" in w]
    first = run.provenance["news_hash"]
    assert len(first) == 64
    services.news.text = WHOLE + "2025-05-20 10:00,EUR,high,CPI\n"
    again = await report_of(services, await control.rerun(run.run_id, CHAT, services))
    assert again.provenance["news_hash"] != first
    assert "the news calendar changed" in " ".join(again.report["warnings"])


async def test_a_setup_that_asks_for_no_news_reads_none(services):
    services.news.text = "broken"
    command = "Asia_sweep_engulf_v1 EURUSD M5 2025-05-05..2025-05-30"
    run = await report_of(services, await control.launch_text(command, CHAT, services))
    assert run.status.value == "completed"
    failed = await report_of(services, await control.launch_text(COMMAND, CHAT, services))
    assert failed.status.value == "failed"
    assert "news.csv:1: no column 'time'" in failed.error
