"""Schedules in the chat: made, listed, run now, paused, resumed, deleted; what is refused."""

import asyncio
from datetime import timedelta

from flows.built_in_schedules import keep_built_ins
from flows.scheduling import fire_due
from pipeline.domain.request import Channel
from tests.kit.chat import Chat
from tests.kit.sandbox import buttons_of, text_of

TEXT = "/backtest Asia_sweep_engulf_v1 EURUSD M5 2025-05-05..2025-05-30"
NAME = "backtest-Asia_sweep_engulf_v1"
LONG = 60


async def asked(me, text, part):
    sent = await me.send(text)
    return await me.wait_for(lambda m: part in text_of(m), LONG, after=sent["message_id"])


async def told(me, message, label, part):
    answer = await me.answer(await me.press(message, label), LONG)
    assert part in answer["text"], answer


async def reports(me, count):
    """Wait until so many whole reports have come."""

    def whole(messages):
        return sum(text_of(message) == "The whole report" for message in messages)

    async with asyncio.timeout(LONG):
        while whole(await me.messages()) < count:
            await asyncio.sleep(0.2)
    assert whole(await me.messages()) == count


async def test_from_the_first_wish_to_the_last(running: Chat):
    me, services = running.owner, running.services
    await asked(me, "/schedules", "There are no schedules")
    made = await asked(me, f"/schedule “{TEXT}” every weekday 22:30", "Kept: ")
    assert f"Kept: {NAME}, every weekday 22:30 (Europe/Berlin)" in text_of(made)
    assert TEXT in text_of(made)

    listed = await asked(me, "/schedules", NAME)
    assert [b["text"] for b in buttons_of(listed)] == [f"Pause {NAME}", "Run now", "Delete"]
    await told(me, listed, "Run now", f"{NAME} is started.")
    (run,) = await services.runs.newest()
    assert run.actor.channel is Channel.TELEGRAM
    await reports(me, 1)
    listed = await asked(me, "/schedules", run.run_id)
    assert f"started {run.run_id}" in text_of(listed)

    held = await services.schedules.get(NAME)
    due = held.created_at + timedelta(days=7)
    (fired,) = await fire_due(NAME, services, due)
    await reports(me, 2)
    assert (await services.runs.get(fired.run_id)).actor.channel is Channel.SCHEDULE

    await told(me, listed, f"Pause {NAME}", f"{NAME} paused.")
    await me.wait_for(lambda m: any(b["text"] == f"Resume {NAME}" for b in buttons_of(m)), LONG)
    assert (await services.schedules.get(NAME)).paused
    listed = await asked(me, "/schedules", "paused")
    await told(me, listed, f"Resume {NAME}", f"{NAME} goes on.")
    assert not (await services.schedules.get(NAME)).paused

    listed = await asked(me, "/schedules", NAME)
    await me.press(listed, "Delete")
    question = await me.wait_for(lambda m: "Its runs stay." in text_of(m), LONG)
    assert await services.schedules.get(NAME) is not None
    await told(me, question, f"Yes, delete {NAME}", f"{NAME} is deleted.")
    assert await services.schedules.all() == []
    await told(me, question, f"Yes, delete {NAME}", "This schedule is gone.")
    did = [event.action for event in reversed(await services.audit.newest(50))]
    assert [word for word in did if word.startswith("schedule")] == [
        "schedule", "schedule_pause", "schedule_resume", "schedule_delete",
    ]  # fmt: skip


async def test_what_is_refused_and_what_is_ready_made(running: Chat):
    me, services = running.owner, running.services
    refused = await asked(
        me, '/schedule "/backtest Asia_swep EURUSD M5 2025-05" daily 07:00', "Asia_swep"
    )
    assert "Asia_sweep_engulf_v1" in text_of(refused)
    await asked(me, f'/schedule "{TEXT}" every funday 07:00', "every weekday 22:30")
    await asked(me, f'/schedule "{TEXT} dry_run" daily 07:00', "can't ask for a dry run")
    await asked(me, "/schedule", "/schedule nightly")
    assert await services.schedules.all() == []
    batch = '"/batch EURUSD 2025-05-05..2025-05-09" daily 22:30 name=nightly'
    await asked(me, f"/schedule {batch}", "Kept: nightly")
    await asked(me, "/schedule nightly", "2025-05")  # no bar of the last 30 days is held


async def test_only_owners_touch_what_is_not_theirs_and_a_pause_of_a_built_in_stays(
    running: Chat,
):
    me, services = running.owner, running.services
    now = services.clock()
    await keep_built_ins(services, now)
    made = await asked(me, f'/schedule "{TEXT}" every 4 hours name=mine', "Kept: mine")
    other = await running.sandbox.add_person("Ben")
    await services.chats.set_role(other.user_id, "trader", now)
    seen = await asked(other, "/schedules", "mine")
    assert buttons_of(seen) == []
    theirs = await asked(other, f'/schedule "{TEXT}" daily 07:00 name=mine', "is taken")
    assert "name=mine-2" in text_of(theirs)
    listed = await asked(me, "/schedules", "training")
    assert text_of(listed).index("mine") < text_of(listed).index("training")
    assert sum(b["text"] == "Delete" for b in buttons_of(listed)) == 1
    await told(me, listed, "Pause training", "training paused.")
    await keep_built_ins(services, now + timedelta(days=1))
    assert (await services.schedules.get("training")).paused
    assert "every sun 03:00" in text_of(listed)
    del made
