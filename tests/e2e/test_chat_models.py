"""/models and /ab in the chat: promoted, shadowed and rolled back by those who may, once."""

import asyncio
from datetime import timedelta

from bot.sandbox.people import TRADER_ID
from bot.texts import en_train as en
from tests.kit.chat import Chat
from tests.kit.models import a_model, a_verdict
from tests.kit.sandbox import buttons_of, text_of

LONG = 40
MODEL = "signal_classifier"


async def keep(running: Chat, *promoted: bool) -> list[str]:
    """Keep a version for each verdict, as trainings against today's champion would."""
    services, found = running.services, []
    champion = (await services.models.standing(MODEL)).champion
    for said in promoted:
        version = await services.models.next_version(MODEL)
        now = services.clock()
        verdict = a_verdict(promoted=said).model_copy(update={"against": champion})
        await services.models.put(a_model(version, created_at=now), verdict, now)
        found.append(version)
    return found


async def asked(me, text, part):
    sent = await me.send(text)
    return await me.wait_for(lambda m: part in text_of(m), LONG, after=sent["message_id"])


async def told(me, message, label, part):
    """Press a button and return what the press was answered with; `part` is in it."""
    answer = await me.answer(await me.press(message, label), LONG)
    assert part in answer["text"], answer
    return answer


async def standing(running):
    return await running.services.models.standing(MODEL)


async def changes(running):
    trail = await running.services.audit.newest(50)
    return [(e.action, e.verdict) for e in reversed(trail) if e.action.startswith("model_")]


async def test_promoted_shadowed_and_rolled_back_by_taps(running: Chat):
    me = running.owner
    assert en.NO_MODELS in text_of(await asked(me, "/models", "No model"))
    first, second = await keep(running, True, True)
    listed = await asked(me, "/models", MODEL)
    words = text_of(listed)
    assert f"In use: {en.RULES_ALONE}" in words
    assert "AUC 0.61 (0.55 to 0.67), gate ✓, until " in words
    await told(me, listed, f"Promote {first}", f"{first} is in use now")
    await me.wait_for(lambda m: text_of(m).startswith(f"{first} is in use now"), LONG)
    await told(me, listed, f"Promote {first}", f"{first} is in use already")
    await told(me, listed, f"Promote {second}", f"Meanwhile {first} came into use")
    assert (await standing(running)).champion == first
    await told(me, listed, f"Shadow {second}", f"{second} scores every live signal")
    await told(me, listed, f"Shadow {second}", en.shadows_already(second))
    now = await standing(running)
    assert (now.champion, now.challenger, now.ab) == (first, second, True)
    listed = await asked(me, "/models", f"In use: {first}")
    await told(me, listed, "Roll back to rules alone", "Rolled back: no model is in use")
    await told(me, listed, "Roll back to rules alone", "The rules alone decide already")
    assert (await standing(running)).champion == ""
    assert [c for c in await changes(running) if c[1] == "accepted"] == [
        ("model_promote", "accepted"), ("model_shadow", "accepted"), ("model_roll_back", "accepted"),
    ]  # fmt: skip


async def test_against_the_gate_only_after_a_question(running: Chat):
    me = running.owner
    (bad,) = await keep(running, False)
    listed = await asked(me, "/models", "gate ✗")
    await told(me, listed, f"Promote {bad}", f"Promote {bad} all the same?")
    question = await me.wait_for(lambda m: "turned v1.0 down" in text_of(m), LONG)
    assert "AUC 0.610, chance 0.500" in text_of(question)
    assert (await standing(running)).champion == ""
    await told(me, question, en.LEAVE, en.LEFT)
    assert (await standing(running)).champion == ""
    await told(me, question, en.FORCE, f"{bad} is in use now")
    await told(me, question, en.FORCE, f"{bad} is in use already")
    assert (await standing(running)).champion == bad
    trail = await running.services.audit.newest(20)
    forced = [e for e in trail if e.action == "model_promote" and e.verdict == "accepted"]
    assert [e.what["forced"] for e in forced] == [True]
    assert "turned v1.0 down" in forced[0].what["objection"]


async def test_two_taps_at_once_change_it_once(running: Chat):
    me = running.owner
    (version,) = await keep(running, True)
    listed = await asked(me, "/models", MODEL)
    queries = await asyncio.gather(*(me.press(listed, f"Promote {version}") for _ in range(2)))
    for query in queries:
        assert version in (await me.answer(query, LONG))["text"]
    history = await running.services.models.history(MODEL)
    assert [past.champion for past in history if past.champion] == [version]


async def test_others_may_look_but_not_touch(running: Chat):
    (version,) = await keep(running, True)
    trader = await running.sandbox.add_person("Theo")
    await running.services.chats.set_role(trader.user_id, "trader", running.services.clock())
    stranger = await running.sandbox.add_person("Sam")
    group = await running.sandbox.add_group("Desk", running.owner, trader, stranger)
    trader, stranger, owner = (
        running.sandbox.person(user, group)
        for user in (trader.user_id, stranger.user_id, TRADER_ID)
    )
    listed = await asked(trader, "/models", MODEL)
    for label in (f"Promote {version}", f"Shadow {version}"):
        await told(trader, listed, label, "role owner")
    await stranger.press(listed, f"Promote {version}")
    await asked(trader, "/ab on", "role owner")
    await asked(trader, "/ab", "No challenger")
    assert (await standing(running)).champion == ""
    assert await changes(running) == []
    await told(owner, listed, f"Promote {version}", f"{version} is in use now")


async def test_ab_is_switched_and_told(running: Chat):
    me = running.owner
    await asked(me, "/ab status", en.AB_NO_MODEL)
    first, second = await keep(running, True, True)
    await asked(me, "/ab on", "no challenger to compare with")
    listed = await asked(me, "/models", MODEL)
    await told(me, listed, f"Promote {first}", "in use now")
    await told(me, listed, f"Shadow {second}", "scores every live signal")
    await asked(me, "/ab off", f"{second} is the challenger of {first}, but does not score")
    assert not (await standing(running)).ab
    await asked(me, "/ab ON", f"{first} alone decides")
    assert (await standing(running)).ab
    await asked(me, "/ab maybe", "/ab status")


async def test_a_damaged_or_old_version_is_said_and_not_promoted(running: Chat):
    me, services = running.owner, running.services
    now = services.clock()
    old = await services.models.next_version(MODEL)
    then = now - timedelta(days=91)
    await services.models.put(a_model(old, created_at=then), a_verdict(), then)
    (broken,) = await keep(running, True)
    row = (await services.models.versions(MODEL))[0]
    trees = next((services.settings.home / "models" / row.path).glob("*.txt"))
    trees.write_text("tree\nsomething else\n", encoding="utf-8")
    listed = await asked(me, "/models", "not used")
    assert "damaged" in text_of(listed)
    await me.press(listed, f"Promote {old}")
    await me.wait_for(lambda m: "older than the 90 days" in text_of(m), LONG)
    await me.press(listed, f"Promote {broken}")
    await me.wait_for(lambda m: broken in text_of(m) and m is not listed, LONG)
    assert (await standing(running)).champion == ""


async def test_forged_and_forgotten_buttons_do_nothing(running: Chat):
    me = running.owner
    (version,) = await keep(running, True)
    listed = await asked(me, "/models", MODEL)
    for data in ("md:promote:aaaaaaaaaaaa:v1.0:", "md:promote", "md:sell:aaaaaaaaaaaa:v1.0:"):
        query = await me.press_forged(listed, data)
        assert (await me.answer(query, LONG))["text"]
    known = next(
        b["callback_data"] for b in buttons_of(listed) if b["text"] == f"Promote {version}"
    )
    await me.press_forged(listed, known.replace(f":{version}:", ":v9.0:"))
    await me.wait_for(lambda m: "v9.0" in text_of(m), LONG)
    assert (await standing(running)).champion == ""


async def test_the_list_shows_the_change_in_place(running: Chat):
    me = running.owner
    (version,) = await keep(running, True)
    listed = await asked(me, "/models", MODEL)
    await told(me, listed, f"Promote {version}", "in use now")
    await me.press(listed, en.REFRESH)
    number = listed["message_id"]
    await me.wait_for(
        lambda m: m["message_id"] == number and f"In use: {version}" in text_of(m), LONG
    )
