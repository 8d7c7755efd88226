"""A file sent to the bot: questions as buttons, kept over a restart; then its quality."""

import io
from dataclasses import replace
from datetime import timedelta

from PIL import Image

from bot.texts import en
from flows.import_watch import ImportWatch
from tests.kit.chat import Chat
from tests.kit.plain_services import wavy_bars
from tests.kit.sandbox import buttons_of, text_of


def csv_of(days: int = 20) -> bytes:
    """Give bars whose file tells neither its symbol nor its clock."""
    bars = wavy_bars(days, start="2024-02-01")
    lines = ["time,open,high,low,close,volume"]
    lines += [
        f"{r.open_time:%Y-%m-%d %H:%M},{r.open:.5f},{r.high:.5f},{r.low:.5f},{r.close:.5f},1"
        for r in bars.itertuples()
    ]
    return "\n".join(lines).encode()


async def test_questions_survive_a_restart_and_lead_to_bars(running: Chat):
    me = running.owner
    await me.upload("bars.csv", csv_of())
    question = await me.wait_for(lambda m: "Which symbol" in text_of(m), 15)
    assert any(b["text"] == "EURUSD" for b in buttons_of(question))
    await running.stop()
    await running.start()
    await me.press(question, "EURUSD")
    for _ in range(3):
        after = (await me.messages())[-1]["message_id"]
        found = await me.wait_for(
            lambda m: "Imported" in text_of(m) or "Which clock" in text_of(m), 30
        )
        if "Imported" in text_of(found):
            break
        await me.press(found, buttons_of(found)[0]["text"])
        found = await me.wait_for(lambda m: "Imported" in text_of(m), 30, after=after)
    assert "EURUSD M5" in text_of(found)
    assert "quality" in text_of(found)
    await me.send("/data")
    held = await me.wait_for(lambda m: en.DATA_TITLE in text_of(m))
    assert "2024-02-20" in text_of(held)
    assert "SYNTHETIC" not in text_of(held), "real bars replace made ones"

    press = await me.press(question, "EURUSD")
    assert await me.answer(press) is not None
    await me.wait_for(lambda m: en.STALE_BUTTON in text_of(m))


async def test_an_answer_in_words_and_a_forgotten_file(running: Chat):
    me = running.owner
    await me.upload("bars.csv", csv_of(8))
    question = await me.wait_for(lambda m: "Which symbol" in text_of(m), 15)
    await me.send("NOSUCH")
    await me.wait_for(lambda m: "Reference" in text_of(m))
    await me.press(question, en.BUTTON_DROP)
    await me.wait_for(lambda m: en.FILE_FORGOTTEN in text_of(m))


async def test_a_file_that_is_no_bars(running: Chat):
    me = running.owner
    await me.upload("EURUSD_M5.csv", b"hello,world\n1,2\n")
    refusal = await me.wait_for(lambda m: "Reference" in text_of(m), 15)
    assert "Traceback" not in text_of(refusal)
    picture = io.BytesIO()
    Image.new("RGB", (300, 200)).save(picture, "PNG")
    await me.upload("chart.png", picture.getvalue(), as_photo=True)
    await me.wait_for(lambda m: en.PHOTO_INSTEAD in text_of(m))


async def test_a_file_in_the_folder_is_imported_and_told(running: Chat, tmp_path):
    folder = tmp_path / "import"
    settings = running.services.settings.model_copy(update={"import_folder": folder})
    watch = ImportWatch(replace(running.services, settings=settings))
    await watch.look(running.services.clock())  # makes the folder
    (folder / "from <b>afar.csv").write_bytes(csv_of(8))
    (folder / "from <b>afar.csv.yaml").write_text("symbol: EURUSD\ntimeframe: M5\nzone: UTC\n")
    for seconds in (0, 20):
        await watch.look(running.services.clock() + timedelta(seconds=seconds))
    line = await running.owner.wait_for(lambda m: "imported" in text_of(m), 15)
    assert text_of(line).startswith("from <b>afar.csv imported: EURUSD M5")
    assert not any(e["type"] == "bold" for e in line.get("entities", ()))
