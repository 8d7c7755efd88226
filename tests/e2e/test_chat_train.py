"""A training in the chat: the verdict, the card's album, its page; then what one can do with it."""

from bot.texts import en_train as en
from tests.kit.chat import Chat
from tests.kit.sandbox import buttons_of, text_of
from tests.kit.training import labelled

LONG = 120
MODEL = "signal_classifier"


async def test_from_the_command_to_the_roll_back(running: Chat):
    me, services = running.owner, running.services
    await services.labels.put(labelled(1000), services.clock())
    sent = await me.send("/train")
    after = sent["message_id"]
    report = await me.wait_for(
        lambda m: "The new model is in use" in text_of(m), LONG, after=after
    )
    for part in ("Learnt from ", "Judged on ", "ROC-AUC 0.", "The gate says yes", "✓ "):
        assert part in text_of(report), part
    assert [b["text"] for b in buttons_of(report)] == ["Roll back to rules alone"]
    for ending in (".json", "_card.html"):
        await me.wait_for(
            lambda m, e=ending: m.get("document", {}).get("file_name", "").endswith(e),
            LONG, after=after,
        )  # fmt: skip
    photos = [m for m in await me.messages() if "photo" in m and m["message_id"] > after]
    assert len(photos) == 3
    assert len({m["media_group_id"] for m in photos}) == 1
    assert (await services.models.standing(MODEL)).champion == "v1.0"
    await me.press(report, "Roll back to rules alone")
    await me.wait_for(lambda m: text_of(m) == en.back(""), LONG, after=after)
    assert (await services.models.standing(MODEL)).champion == ""
    listed = await me.send("/models")
    shown = await me.wait_for(lambda m: "AUC 0." in text_of(m), LONG, after=listed["message_id"])
    await me.press(shown, "Card v1.0")
    await me.wait_for(lambda m: "The gate says yes" in text_of(m), LONG, after=shown["message_id"])


async def test_too_few_labels_are_told_with_the_line_to_type(running: Chat):
    me, services = running.owner, running.services
    await services.labels.put(labelled(40), services.clock())
    sent = await me.send("/train")
    told = await me.wait_for(
        lambda m: "40 of 500 are there, 460 are missing" in text_of(m), LONG,
        after=sent["message_id"],
    )  # fmt: skip
    assert "/label " in text_of(told)
    assert not buttons_of(told)
