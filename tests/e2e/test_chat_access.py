"""Strangers get nothing, roles decide, in groups too; the owner code makes the first owner."""

import asyncio
import shutil

from bot.keyboards import CancelCb
from bot.texts import en
from tests.kit.chat import COMMAND, chat
from tests.kit.sandbox import text_of


async def test_strangers_get_silence_and_one_line_in_the_trail(running):
    stranger = await running.sandbox.add_person("Eve")
    for text in ("/start", "/help", COMMAND, "/start 123456"):
        await stranger.send(text)
    await running.owner.send("/whoami")
    await running.owner.wait_for(lambda m: "owner" in text_of(m))
    assert not [m for m in await stranger.messages() if m["from"]["is_bot"]]
    for _ in range(100):
        trail = [e for e in await running.services.audit.newest(10) if e.action == "access"]
        if trail:
            break
        await asyncio.sleep(0.05)
    assert [(e.verdict, e.actor.user_id) for e in trail] == [("refused", stranger.user_id)]


async def test_roles_are_given_used_and_taken(running):
    viewer = await running.sandbox.add_person("Vera")
    await running.owner.send(f"/users add {viewer.user_id} viewer")
    await running.owner.wait_for(lambda m: "is viewer now" in text_of(m))
    await viewer.send("/runs")
    await viewer.wait_for(lambda m: en.NO_RUNS in text_of(m))
    await viewer.send(COMMAND)
    await viewer.wait_for(lambda m: "needs the role trader" in text_of(m))
    assert await running.services.runs.newest(5) == []
    await running.owner.send(f"/users remove {viewer.user_id}")
    await running.owner.wait_for(lambda m: "no access" in text_of(m))
    last = (await viewer.messages())[-1]["message_id"]
    await viewer.send("/runs")
    await running.owner.send(f"/users remove {running.owner.user_id}")
    await running.owner.wait_for(lambda m: en.USERS_FROM_SETTINGS in text_of(m))
    assert not [
        m for m in await viewer.messages() if m["from"]["is_bot"] and m["message_id"] > last
    ]


async def test_wrong_persons_and_forged_presses_in_a_group(running):
    viewer = await running.sandbox.add_person("Vera")
    stranger = await running.sandbox.add_person("Eve")
    await running.services.chats.set_role(viewer.user_id, "viewer", running.services.clock())
    group = await running.sandbox.add_group("Desk", running.owner, viewer, stranger)
    owner, vera, eve = (
        running.sandbox.person(p.user_id, group) for p in (running.owner, viewer, stranger)
    )
    await owner.send(COMMAND)
    progress = await owner.wait_for(lambda m: "bt_" in text_of(m))
    run = (await running.services.runs.newest(1))[0]
    data = CancelCb(run_id=run.run_id).pack()
    await eve.press_forged(progress, data)
    answer = await vera.answer(await vera.press_forged(progress, data))
    assert "needs the role trader" in answer["text"]
    stale = await owner.answer(await owner.press_forged(progress, "c:nosuchtoken"))
    assert stale["text"] == en.STALE_BUTTON
    unknown = await owner.answer(await owner.press_forged(progress, "zzz:1:2"))
    assert unknown["text"] == en.STALE_BUTTON
    odd = await owner.answer(await owner.press_forged(progress, "t:bt_2025_01_01_001:x:1"))
    assert odd is not None
    assert not (await running.services.runs.get(run.run_id)).cancel_requested


async def test_the_owner_code_works_once(tmp_path, sample_home):
    shutil.copytree(sample_home, tmp_path / "scout")
    async with chat(tmp_path, owner_ids=()) as running:
        path = tmp_path / "scout" / "owner_code"
        for _ in range(100):
            if path.exists() and path.read_text():
                break
            await asyncio.sleep(0.05)
        code = path.read_text().strip()
        late = await running.sandbox.add_person("Eve")
        for _ in range(6):
            await late.send("/start 000000000000")
        await late.send(f"/start {code}")  # right, but after too many wrong tries
        await asyncio.sleep(0.5)
        assert not [m for m in await late.messages() if m["from"]["is_bot"]]
        await running.owner.send(f"/start {code}")
        await running.owner.wait_for(lambda m: en.HELLO in text_of(m))
        other = await running.sandbox.add_person("Otto")
        await other.send(f"/start {code}")
        await running.owner.send("/users")
        await running.owner.wait_for(lambda m: f"{running.owner.user_id} owner" in text_of(m))
        assert not [m for m in await other.messages() if m["from"]["is_bot"]]


async def test_help_and_unknown_words(running):
    await running.owner.send("/help")
    shown = text_of(await running.owner.wait_for(lambda m: en.HELLO in text_of(m)))
    assert "/backtest" in shown
    assert "/users" in shown
    await running.owner.send("/frobnicate")
    await running.owner.wait_for(lambda m: en.UNKNOWN_COMMAND in text_of(m))
    await running.owner.send("hello there")
    await running.owner.wait_for(lambda m: en.TALK in text_of(m))
    await running.owner.send("/setups")
    listed = await running.owner.wait_for(lambda m: en.SETUPS_TITLE in text_of(m))
    await running.owner.press(listed, "Frank_raid_v1")
    await running.owner.wait_for(lambda m: "photo" in m, 20)
    await running.owner.wait_for(lambda m: en.HISTORY in text_of(m))


async def test_who_asks_too_fast_is_told_once_and_goes_on_later(tmp_path, sample_home):
    shutil.copytree(sample_home, tmp_path / "scout")
    async with chat(tmp_path, user_requests_per_minute=5) as running:
        me = running.owner
        for _ in range(12):
            await me.send("/whoami")
        told = await me.wait_for(lambda m: "a lot at once" in text_of(m), 20)
        await asyncio.sleep(0.5)
        said = [text_of(m) for m in await me.messages() if m["from"]["is_bot"]]
        assert sum("owner" in words for words in said) in (5, 6)
        assert sum("a lot at once" in words for words in said) == 1
        await asyncio.sleep(13)
        await me.send("/whoami")
        await me.wait_for(lambda m: "owner" in text_of(m), 20, after=told["message_id"])
