"""Inspect and /signal in the chat, over HTTP: words at once, pictures, album, values; faults."""

import asyncio
import contextlib
import json
import shutil
from datetime import UTC, datetime

import pytest

from bot.texts import en_inspect as en
from flows.services import Services
from pipeline.domain.live import AlertFor
from storage.memory import MemoryOutbox, MemorySignalStore
from tests.kit.chat import at, chat
from tests.kit.live_chat import COOLDOWN, alert_of
from tests.kit.live_signals import hand_made
from tests.kit.sandbox import buttons_of, text_of

AT = datetime(2025, 5, 28, 9, 0, tzinfo=UTC)
WAIT = 90


@contextlib.asynccontextmanager
async def inspecting(home, sample_home):
    shutil.copytree(sample_home, home / "scout", dirs_exist_ok=True)
    async with chat(home, start=False) as found:
        mem = MemoryOutbox()
        found.services = at(found.services, outbox=mem, signals=MemorySignalStore(mem))
        await found.start()
        yield found


@pytest.fixture
async def running(tmp_path, sample_home):
    async with inspecting(tmp_path, sample_home) as found:
        yield found


async def admitted(services: Services, chat_id: int, **changes):
    draft = hand_made(AT, **{"setup_id": "Asia_sweep_engulf_v1", **changes})
    kept = await services.signals.admit(
        draft, [AlertFor(chat_id=chat_id)], cooldown=COOLDOWN, now=services.clock()
    )
    return kept.record


async def everything(person, signal_id):
    """Wait for the last part, and return all messages that came after the alert."""
    await person.wait_for(
        lambda m: m.get("document", {}).get("file_name") == f"{signal_id}.json", WAIT
    )
    return await person.messages()


async def test_inspect_sends_words_chart_album_and_values_in_that_order(running):
    me = running.owner
    record = await admitted(running.services, me.chat_id)
    alert = await alert_of(me, record.signal_id)
    assert await me.press(alert, "Inspect")
    messages = await everything(me, record.signal_id)
    after = [m for m in messages if m["message_id"] > alert["message_id"]]
    words, chart, list_, *album, raw = after
    assert text_of(words).startswith(f"{record.signal_id} · EURUSD M5 LONG · Asia_sweep_engulf")
    for part in (
        "Decision",
        "Ticket",
        "What became of it",
        "Trace",
        "Side conditions",
        "No model was deployed",
    ):
        assert part in text_of(words)
    quoted = {e["type"] for e in words["entities"]}
    assert "expandable_blockquote" in quoted
    assert "photo" in chart and en.LONGER in text_of(chart)
    assert text_of(list_).startswith(en.NEAR)
    lines = text_of(list_).splitlines()[1:]
    assert 1 < len(lines) <= 10
    assert [text_of(m) for m in album] == lines
    assert all("photo" in m for m in album)
    assert len({m["media_group_id"] for m in album}) == 1
    kept = json.loads(await me.download(raw["document"]["file_id"]))
    assert kept["signal_id"] == record.signal_id
    assert text_of(raw) == en.RAW


async def test_signal_by_id_after_a_restart_and_for_a_replay(running):
    me = running.owner
    record = await admitted(running.services, me.chat_id, origin="live_2026_01_05_001")
    await alert_of(me, record.signal_id)
    await running.stop()
    await running.start()
    await me.send("/signal 1")
    messages = await everything(me, record.signal_id)
    words = next(m for m in messages if "Way" in text_of(m) and "Trace" in text_of(m))
    assert "Replay live_2026_01_05_001" in text_of(words)


async def test_one_part_that_fails_hides_no_other(running):
    """No bars of the symbol: no chart, no cases, said so; words and values come."""
    me = running.owner
    record = await admitted(running.services, me.chat_id, symbol="GER40", entry=20_000.0, risk=9.0)
    await me.send(f"/signal {record.signal_id}")
    messages = await everything(me, record.signal_id)
    said = "\n".join(text_of(m) for m in messages)
    assert "The chart on longer bars: missing. No bars of GER40 H1 are held" in said
    assert "The past cases most like it: missing. No past cases of Asia_sweep_engulf_v1" in said


async def test_something_unforeseen_is_said_with_a_reference(running, monkeypatch):
    me = running.owner
    record = await admitted(running.services, me.chat_id)

    async def broken(*given, **more):
        raise RuntimeError("secret of the house")

    monkeypatch.setattr("flows.inspecting.bars_around", broken)
    await me.send(f"/signal {record.signal_id}")
    messages = await everything(me, record.signal_id)
    said = "\n".join(text_of(m) for m in messages)
    assert "the log has it under" in said
    assert "secret" not in said


async def test_a_second_press_while_it_works_is_refused_kindly(running, monkeypatch):
    me = running.owner
    record = await admitted(running.services, me.chat_id)
    alert = await alert_of(me, record.signal_id)
    go = asyncio.Event()
    from flows.inspecting import longer_picture

    async def waiting(found, services):
        await go.wait()
        return await longer_picture(found, services)

    monkeypatch.setattr("bot.inspecting.longer_picture", waiting)
    first = await me.press(alert, "Inspect")
    assert (await me.answer(first))["text"] == en.LOOKING
    await me.wait_for(lambda m: "Trace" in text_of(m) and "Way" in text_of(m), WAIT)
    second = await me.press(alert, "Inspect")
    assert (await me.answer(second))["text"] == en.BUSY
    await me.send(f"/signal {record.signal_id}")
    await me.wait_for(lambda m: text_of(m) == en.BUSY, WAIT)
    go.set()
    messages = await everything(me, record.signal_id)
    assert sum(m.get("document") is not None for m in messages) == 1
    third = await me.press(alert, "Inspect")
    assert (await me.answer(third))["text"] == en.LOOKING
    await me.wait_until(lambda ms: sum(m.get("document") is not None for m in ms) == 2, WAIT)


async def test_without_a_name_the_newest_and_a_wrong_name_gets_the_nearest(running):
    me = running.owner
    await me.send("/signal")
    await me.wait_for(lambda m: text_of(m) == en.NO_SIGNALS, WAIT)
    record = await admitted(running.services, me.chat_id)
    await me.send("/signal")
    listed = await me.wait_for(lambda m: text_of(m) == en.NEWEST, WAIT)
    assert buttons_of(listed)[0]["text"].startswith(f"{record.signal_id} EURUSD M5 long")
    await me.send("/signal sig_live_999")
    refused = await me.wait_for(lambda m: "There is no signal sig_live_999" in text_of(m), WAIT)
    assert await me.press(refused, record.signal_id)
    await everything(me, record.signal_id)


async def test_forged_and_stale_presses_change_nothing(running):
    me = running.owner
    record = await admitted(running.services, me.chat_id)
    alert = await alert_of(me, record.signal_id)
    for data in ("in:", "in:sig_live_777", "in:../../etc", "in:" + "x" * 50):
        await me.answer(await me.press_forged(alert, data))
    await me.wait_for(lambda m: "There is no signal sig_live_777" in text_of(m), WAIT)
    assert await running.services.signals.get(record.signal_id) == record
    assert not [m for m in await me.messages() if "document" in m]
