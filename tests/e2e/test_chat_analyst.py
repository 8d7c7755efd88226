"""The analyst in the chat, over HTTP on both sides: a backtest asked with it, an edit of an alert."""

import asyncio
import contextlib
import shutil

import pytest

from bot.texts import en
from flows.alert_analysis import AlertAnalyst
from tests.kit.analyst import KEY, OPINION, analyst_server
from tests.kit.chat import COMMAND, chat
from tests.kit.live_chat import admit, alert_of, alerts_in, labels, nothing_owed
from tests.kit.sandbox import buttons_of, text_of

ASKED = f"{COMMAND} analyze_with_llm"


def is_report(message) -> bool:
    return any(b["text"] == en.BUTTON_CHANGE for b in buttons_of(message))


@pytest.fixture
async def fake():
    async with analyst_server() as server:
        server.says(OPINION)
        yield server


@contextlib.asynccontextmanager
async def with_analyst(tmp_path, sample_home, fake, **more):
    shutil.copytree(sample_home, tmp_path / "scout", dirs_exist_ok=True)
    how = {"openai_api_key": KEY, "openai_base_url": fake.url, "analyst_seconds": 30.0, **more}
    async with chat(tmp_path, **how) as running:
        yield running


@contextlib.asynccontextmanager
async def watching(services):
    """The part of the scanner that follows alerts."""
    task = asyncio.create_task(AlertAnalyst(services, lambda: True).keep())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_backtest_with_the_analyst_and_then_without_what_broke(
    tmp_path, sample_home, fake
):
    async with with_analyst(tmp_path, sample_home, fake) as running:
        me = await running.sandbox.add_person("Нина", "ru")
        now = running.services.clock()
        await running.services.chats.set_role(me.user_id, "trader", now)
        sent = await me.send(ASKED)
        report = await me.wait_for(is_report, 60)
        text = text_of(report)
        assert "Analyst: long, quality 4 of 5" in text and "For: The sweep was clean." in text
        [asked] = fake.asked
        assert asked.image.startswith(b"\x89PNG") and asked.body["store"] is False
        assert "Write in Russian" in asked.instructions
        spent = await running.services.analyses.spent(me.chat_id, running.services.clock())
        assert 0 < spent < 0.01
        async with asyncio.timeout(30):  # the report is told before the run's row has ended
            while not (run := (await running.services.runs.newest(1))[0]).status.ended:
                await asyncio.sleep(0.05)
        assert run.report["analysis"]["opinion"]["quality"] == 4

        for status, code, words in (
            (401, "invalid_api_key", "OPENAI_API_KEY"),
            (503, "server_error", "in trouble"),
        ):
            fake.stays_down(status, code)
            sent = await me.send(ASKED)
            broken = await me.wait_for(is_report, 60, after=sent["message_id"])
            assert "Analyst: no opinion." in text_of(broken) and words in text_of(broken)
            assert KEY not in text_of(broken)
            head = text_of(broken).split("Analyst")[0].split("Variant")[0]
            assert head.splitlines()[3:10] == text.splitlines()[3:10], "all else is the same"
        logs = "".join(p.read_text() for p in (tmp_path / "scout").rglob("*.jsonl"))
        assert KEY not in logs


async def test_an_alert_leaves_first_and_the_opinion_follows_as_an_edit(
    tmp_path, sample_home, fake
):
    fake.says({**OPINION, "bias": "short", "risks": ["Join @scam https://evil.example", "Thin."]})
    async with with_analyst(tmp_path, sample_home, fake) as running:
        record = await admit(running)
        alert = await alert_of(running.owner, record.signal_id)
        assert fake.calls == 0
        async with watching(running.services):
            edited = await alert_of(running.owner, record.signal_id, "Analyst: contradicts")
            assert edited["message_id"] == alert["message_id"]
            assert labels(edited) == labels(alert), "no button comes or goes"
            assert text_of(edited).startswith("APPROVED")
            kinds = {e["type"] for e in edited.get("caption_entities", ())}
            assert not kinds & {"url", "mention", "text_link", "bot_command"}
            await nothing_owed(running)
        assert len(alerts_in(await running.owner.messages(), record.signal_id)) == 1
        assert fake.calls == 1
        kept = await running.services.signals.get(record.signal_id)
        assert kept.decision.confidence_breakdown.llm == 0.0
        assert kept.decision.decision is record.decision.decision


async def test_a_wrong_key_is_said_on_the_alert_and_costs_nothing_else(
    tmp_path, sample_home, fake
):
    async with with_analyst(tmp_path, sample_home, fake, openai_api_key="sk-wrong") as running:
        record = await admit(running)
        async with watching(running.services):
            edited = await alert_of(running.owner, record.signal_id, "Analyst: no opinion")
        assert "OPENAI_API_KEY" in text_of(edited) and "sk-wrong" not in text_of(edited)
        assert text_of(edited).startswith("APPROVED") and labels(edited) == labels(
            await alert_of(running.owner, record.signal_id)
        )
