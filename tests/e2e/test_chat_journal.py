"""The journal over HTTP on both sides: chat and Notion, from a report and an alert to a label."""

import asyncio
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from flows.journal_keeper import JournalKeeper
from flows.outcomes import follow_signals
from pipeline.domain.live import LIVE
from pipeline.domain.market import Timeframe
from tests.kit.chat import COMMAND, chat
from tests.kit.journal import with_journal
from tests.kit.live_bars import minutes_of, see
from tests.kit.live_chat import admit, alert_of
from tests.kit.sandbox import text_of


def links_of(message):
    entities = [*message.get("entities", ()), *message.get("caption_entities", ())]
    return [e["url"] for e in entities if e["type"] == "text_link"]


@pytest.fixture
async def journaled(tmp_path, sample_home):
    """A running bot with a journal; gives it and its Notion."""
    shutil.copytree(sample_home, tmp_path / "scout")
    async with (
        chat(tmp_path, start=False, notion_database="0" * 32) as running,
        with_journal(running.services) as (services, notion),
    ):
        running.services = services
        await running.start()
        yield running, notion


async def test_a_backtest_s_report_links_its_page(journaled):
    running, notion = journaled
    me = running.owner
    await me.send(COMMAND)
    report = await me.wait_for(lambda m: "win rate" in text_of(m) and "Run bt_" in text_of(m), 90)
    [page] = notion.entries()
    assert page["url"] in links_of(report)
    run_id = notion.plain(page, "run_id")
    await me.send(f"/journal {run_id}")
    answer = await me.wait_for(lambda m: text_of(m).startswith(f"{run_id}: Journal page"))
    assert links_of(answer) == [page["url"]]


async def test_an_alert_from_approval_to_outcome_to_tick_to_label(journaled):
    running, notion = journaled
    me, services = running.owner, running.services
    keeper = JournalKeeper(services)
    await keeper.look()
    record = await admit(running, tf=Timeframe.M1)
    alert = await alert_of(me, record.signal_id)
    await accepted(running, record)
    await me.answer(await me.press(alert, "Approve"))
    services = replace(services, clock=lambda: later(running))
    keeper = JournalKeeper(services)  # a process that was started again
    assert await keeper.look() == 1
    [page] = notion.entries()
    alert = await alert_of(me, record.signal_id, "Journal page")
    assert page["url"] in links_of(alert)

    closes = await see(services, minutes_of(0.1, 1.0, 2.2, start=record.signal.known_at))
    assert await follow_signals(LIVE, closes, services, now=services.clock()) == 1
    notion.plan("529", "PATCH", "children")
    notion.plan("drop_after", "PATCH", "^pages")
    assert await JournalKeeper(services).look() == 1
    [page] = notion.entries()
    assert notion.plain(page, "Outcome") == "TP"
    assert [b["type"] for b in notion.on(page["id"])].count("image") == 2

    notion.tick(page["id"], taken="skipped", note="Was <b>asleep</b>")
    await JournalKeeper(services).look()
    [label] = await services.signals.labels(LIVE)
    assert (label.label, label.human) == (1, "skipped")
    alert = await alert_of(me, record.signal_id, "In the journal: skipped · Was <b>asleep</b>")
    assert "Approved by" in text_of(alert)

    notion.token = "another"
    other = await admit(running, tf=Timeframe.M1, symbol="GBPUSD")
    alert = await me.wait_for(lambda m: "GBPUSD" in text_of(m))
    await accepted(running, other)
    await me.answer(await me.press(alert, "Reject"))
    assert await JournalKeeper(services).look() == 0
    await me.wait_for(lambda m: "The journal can't be written" in text_of(m))
    await me.send("/journal")
    card = await me.wait_for(lambda m: text_of(m).startswith("Journal\n"))
    assert "1 written, 0 owed, 1 given up" in text_of(card)
    assert "NOTION_TOKEN" in text_of(card)
    assert links_of(card) == ["https://www.notion.so/" + "0" * 32]
    notion.token = "ntn_test_0000000000000000000000000000000000"
    await me.send("/journal retry")
    await me.wait_for(lambda m: "1 page is owed again" in text_of(m))
    assert await JournalKeeper(services).look() == 1
    assert len(notion.entries()) == 2


async def accepted(running, record):
    """Wait until it is written down that the alert arrived: before that nobody may answer."""
    async with asyncio.timeout(30):
        while not await running.services.signals.alerts(record.signal_id):
            await asyncio.sleep(0.02)


def later(running):
    return running.services.clock() + timedelta(seconds=1)
