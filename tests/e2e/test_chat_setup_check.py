"""A setup file sent to the bot: mistakes, a trial on held bars, and the tap that adds it."""

from bot.texts import en_setup_check
from tests.kit.chat import Chat
from tests.kit.sandbox import buttons_of, text_of
from tests.kit.setups import TEXTS

MINE = TEXTS["Asia_sweep_engulf_v1.yaml"].replace("setup_id: Asia_sweep", "setup_id: My_sweep")


async def test_a_file_is_tried_and_added_at_a_tap(running: Chat):
    me = running.owner
    rules = running.services.settings.home / "rules"
    await me.upload("mine.yaml", MINE.encode(), caption="/setup check a first try")
    answer = await me.wait_for(lambda m: "reads well" in text_of(m), 60)
    assert "Tried on EURUSD M5" in text_of(answer)
    offer = await me.wait_for(lambda m: "Add it as v1.0" in text_of(m), 60)
    assert "a first try" in text_of(offer)
    assert [b["text"] for b in buttons_of(offer)] == ["Add as v1.0"]
    assert not rules.exists(), "nothing is written before the tap"
    await running.stop()
    await running.start()
    await me.press(offer, "Add as v1.0")
    added = await me.wait_for(
        lambda m: text_of(m).startswith("Added: My_sweep_engulf_v1 v1.0"), 30
    )
    assert "active" in text_of(added)
    assert [p.name for p in rules.iterdir()] == ["My_sweep_engulf_v1.yaml"]
    (version,) = await running.services.setups.versions("My_sweep_engulf_v1")
    assert version.reason == "a first try"
    await me.press(offer, "Add as v1.0")
    await me.wait_for(lambda m: en_setup_check.FORGOTTEN in text_of(m))


async def test_a_mistake_is_named_and_nothing_offered(running: Chat):
    me = running.owner
    await me.upload("mine.yml", MINE.replace("detector: engulfing", "detector: engulfin").encode())
    answer = await me.wait_for(lambda m: en_setup_check.WRONG in text_of(m), 30)
    assert "mine.yml:" in text_of(answer)
    assert "did you mean 'engulfing'?" in text_of(answer)
    assert buttons_of(answer) == []
    await me.send("/setup check")
    await me.wait_for(lambda m: "Send me a setup file" in text_of(m))
