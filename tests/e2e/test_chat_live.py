"""/live and /health in the chat: settings by words and by taps, roles, groups, mistakes."""

import shutil
from datetime import timedelta

import pytest

from bot.sandbox.people import TRADER_ID
from flows.pulse import Heart
from pipeline.domain.watch import Quiet, Watch
from pipeline.live.health import ScannerFacts
from tests.kit.chat import Chat, chat
from tests.kit.sandbox import buttons_of, text_of

LONG = 40


async def asked(me, text, part):
    """Send a text and wait for the answer that has `part` in it."""
    sent = await me.send(text)
    return await me.wait_for(lambda m: part in text_of(m), LONG, after=sent["message_id"])


async def tapped(me, message, label, part):
    """Press a button of a message and wait until that message has `part` in text or buttons."""
    await me.press(message, label)
    number = message["message_id"]

    def shows(m):
        return m["message_id"] == number and any(
            part in text for text in (text_of(m), *(b["text"] for b in buttons_of(m)))
        )

    return await me.wait_for(shows, LONG)


async def test_settings_by_words_are_confirmed_and_shown(running: Chat):
    me, watches = running.owner, running.services.watches
    card = await asked(me, "/live", "Live watching is off")
    assert "no market is connected" in text_of(card)
    assert "/live quiet 22:00-07:00" in text_of(await asked(me, "/live help", "What you can say"))
    for text, part in (
        ("/live on GER40 m5 frankraidv1", "Watching: GER40 · M5 · Frank_raid_v1"),
        ("/live quiet 22:00–07:00", "Quiet hours: 22:00–07:00 (Europe/Berlin)"),
        ("/live sound review=off outcome=loud", "your call off · outcomes loud"),
        ("/live weekend on", "Weekend: watched"),
        ("/live heartbeat 8", "Heartbeat: 08:00 (Europe/Berlin)"),
        ("/live zone london", "Clock: Europe/London"),
        ("/live limit 20", "Limits: 20 alerts an hour"),
        ("/live mute IB_raid_v1", "Muted: IB_raid_v1"),
        ("/live gate Frank_raid_v1 confidence=0.6 review=0.4", "Gate of Frank_raid_v1: confidence > 0.6"),
        ("/live cooldown 30", "Cooldown: 30 min"),
    ):  # fmt: skip
        await asked(me, text, part)
    kept = await watches.get(me.chat_id)
    assert kept.quiet == Quiet(start="22:00", end="07:00")
    assert (kept.on, kept.zone, kept.max_per_hour) == (True, "Europe/London", 20)
    card = text_of(await asked(me, "/live status", "Live watching is on"))
    for part in (
        "Watching: GER40 · M5 · Frank_raid_v1", "Today: no signal",
        "Quiet hours: 22:00–07:00 (Europe/London)", "Muted: IB_raid_v1",
        "Frank_raid_v1: confidence > 0.6 and, with a model, score > 0.6; your call from 0.4",
        "Cooldown: 30 min per setup and symbol",
    ):  # fmt: skip
        assert part in card
    off = await asked(me, "/live off", "Watching: off")
    assert "else GER40" in text_of(off)
    await asked(me, "/live on", "Watching: GER40 · M5")


async def test_mistakes_offer_the_right_command_as_a_button(running: Chat):
    me = running.owner
    refused = await asked(me, "/live quiet 25-7", "did you mean 22:00-07:00?")
    assert "/live quiet 22:00-07:00" in text_of(refused)
    await me.press(refused, "22:00-07:00")
    await me.wait_for(lambda m: "Quiet hours: 22:00–07:00" in text_of(m), LONG)
    await asked(me, "/live mute Frank_raid 1h", "Unknown setup 'Frank_raid'")
    await asked(me, "/live gate Frank_raid_v1 review=0.9", "/live gate Frank_raid_v1 review=0.7")
    await asked(me, "/live sound digest=off", "/live sound digest=silent")
    trail = await running.services.audit.newest(20)
    assert sum(e.action == "live" and e.verdict == "refused" for e in trail) == 4


async def test_the_card_is_worked_by_taps(running: Chat):
    me, watches = running.owner, running.services.watches
    card = await asked(me, "/live", "Live watching is off")
    card = await tapped(me, card, "Switch on", "Switch off")
    assert (await watches.get(me.chat_id)).on
    card = await tapped(me, card, "Sound", "your call: silent")
    card = await tapped(me, card, "your call", "your call: off")
    card = await tapped(me, card, "digests", "digests: loud")
    card = await tapped(me, card, "digests", "digests: silent")
    card = await tapped(me, card, "Back", "Switch off")
    card = await tapped(me, card, "Mute", "IB_raid_v1")
    card = await tapped(me, card, "IB_raid_v1", "How long shall IB_raid_v1 be silent")
    card = await tapped(me, card, "1 hour", "Hear again: IB_raid_v1")
    mute = (await watches.get(me.chat_id)).muted["IB_raid_v1"]
    assert timedelta(minutes=50) < mute.until - running.services.clock() <= timedelta(hours=1)
    await tapped(me, card, "Hear again", "IB_raid_v1")
    await running.services.watches.put(Watch(chat_id=me.chat_id), running.services.clock())
    card = await asked(me, "/live", "Live watching is on")
    await tapped(me, card, "Switch off", "Live watching is off")


async def test_viewers_look_traders_change_owners_set_gates(running: Chat):
    viewer = await running.sandbox.add_person("Vera")
    trader = await running.sandbox.add_person("Theo")
    for who, role in ((viewer, "viewer"), (trader, "trader")):
        await running.services.chats.set_role(who.user_id, role, running.services.clock())
    group = await running.sandbox.add_group("Desk", running.owner, viewer, trader)
    viewer, trader = (running.sandbox.person(p.user_id, group) for p in (viewer, trader))
    owner = running.sandbox.person(TRADER_ID, group)
    card = await asked(viewer, "/live", "Live watching is off")
    await asked(viewer, "/live on", "needs the role trader")
    pressed = await viewer.press(card, "Switch on")
    assert "role trader" in (await viewer.answer(pressed, LONG))["text"]
    assert await running.services.watches.get(group) is None
    await asked(trader, "/live on EURUSD", "Watching: EURUSD")
    assert (await running.services.watches.get(group)).symbols == ("EURUSD",)
    assert await running.services.watches.get(trader.user_id) is None
    await asked(trader, "/live gate all confidence=0.6", "needs the role owner")
    refused = await asked(owner, "/live gate all confidence=6", "did you mean confidence=1?")
    await trader.press(refused, "confidence=1")
    await trader.wait_for(lambda m: "needs the role owner" in text_of(m), LONG, after=refused["message_id"])  # fmt: skip
    await asked(owner, "/live gate all confidence=0.6", "Gate of all setups without their own")


async def test_health_in_one_message(running: Chat):
    me = running.owner
    told = text_of(await asked(me, "/health", "database"))
    for part in (
        "🟢 bot: active, seen", "🟢 scanner: not running; no market is connected",
        "🟢 worker: not running; runs are done inside the bot",
        "🟢 alert latency: no alert today", "🟢 outbox: ", "🟢 Redis: not set up",
        "🟢 database: answers in", "🟢 Prefect: not set up", "disk: ",
    ):  # fmt: skip
        assert part in told, told
    await asked(me, "/live on", "Watching: all symbols")
    told = text_of(await asked(me, "/health", "database"))
    assert "It works, but look at the amber lines" in told
    assert "🟡 feed: no market is connected" in told
    assert "🟢 last scan: none is due" in told


async def test_with_a_market_somebody_has_to_scan_it(tmp_path, sample_home):
    shutil.copytree(sample_home, tmp_path / "scout")
    async with chat(tmp_path, feed="mt5") as running:
        me, services = running.owner, running.services
        told = text_of(await asked(me, "/health", "database"))
        assert "🟢 scanner: not running; nothing is watched" in told
        await asked(me, "/live on", "Watching: all symbols")
        told = text_of(await asked(me, "/health", "database"))
        assert "Something is wrong" in told
        assert "🔴 scanner: never seen" in told
        assert "🔴 feed: unknown; no scanner is active" in told
        facts = ScannerFacts(feed="mt5", lag=1.2, last_scan=services.clock(), symbols=3)
        await Heart("scanner", services, lambda: facts.model_dump(mode="json")).beat()
        told = text_of(await asked(me, "/health", "database"))
        assert "🟢 feed: mt5: newest bar 1.2 s behind" in told
        assert "🟢 last scan: " in told
        card = text_of(await asked(me, "/live", "Live watching is on"))
        assert "Feed: mt5: newest bar 1.2 s behind" in card
        assert "3 symbols" in card


@pytest.mark.parametrize("text", ["/live replai", "/live statos"])
async def test_a_word_nobody_knows(running: Chat, text):
    await asked(running.owner, text, "did you mean")


async def test_settings_are_kept_over_a_restart_of_everything(tmp_path, sample_home):
    shutil.copytree(sample_home, tmp_path / "scout")
    said = (
        "/live on GER40 EURUSD M5 Frank_raid_v1", "/live quiet 22:00-07:00",
        "/live sound review=off", "/live mute IB_raid_v1 2d", "/live limit 20 ",
        "/live heartbeat 08:00", "/live gate all confidence=0.8", "/live cooldown 30",
    )  # fmt: skip
    async with chat(tmp_path) as running:
        for text in said:
            sent = await running.owner.send(text)
            await running.owner.wait_for(
                lambda m: ": " in text_of(m), LONG, after=sent["message_id"]
            )
        before = text_of(await asked(running.owner, "/live", "Live watching is on"))
        await running.stop()
        await running.start()  # the bot alone
        assert text_of(await asked(running.owner, "/live", "Live watching is on")) == before
    async with chat(tmp_path) as running:
        after = text_of(await asked(running.owner, "/live", "Live watching is on"))
        assert after == before
        assert "Watching: GER40, EURUSD · M5 · Frank_raid_v1" in after
        assert "Gate: confidence > 0.8" in after
        await asked(running.owner, "/live unmute all", "Muted: none")


async def test_without_a_market_a_tap_replays_the_newest_day(running: Chat):
    me = running.owner
    card = await asked(me, "/live", "Live watching is off")
    await me.press(card, "Replay EURUSD 2025-05-30")
    told = await me.wait_for(
        lambda m: "Replay EURUSD · 2025-05-30 · x600" in text_of(m), 120, after=card["message_id"]
    )
    await me.press(told, "Cancel")
    await me.wait_for(lambda m: "stopped" in text_of(m), 120, after=card["message_id"])
