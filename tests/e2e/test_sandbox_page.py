"""The sandbox's chat page in a real Chromium: what a person sees, and what their taps do."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiogram import Bot
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    CopyTextButton,
    DisabledButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    MessageEntity,
    ReactionTypeEmoji,
    Update,
)
from PIL import Image
from playwright.async_api import Browser, Locator, Page, Route, expect

from bot.sandbox.people import TRADER_ID as ME
from tests.kit.chromium import DESKTOP, PHONE, Tab, chromium, open_tab
from tests.kit.sandbox import RunningSandbox, running_sandbox, text_of

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

OVERFLOW = """() => {
  const wide = document.documentElement.scrollWidth - innerWidth;
  const hurt = [];
  const shown = [...document.querySelectorAll('#messages .row > *, #messages .day')];
  const boxes = shown.map((node) => [node, node.getBoundingClientRect()]);
  boxes.forEach(([node, box], place) => {
    if (box.left < -1 || box.right > innerWidth + 1) hurt.push('out: ' + node.className);
    const [next, below] = boxes[place + 1] ?? [];
    if (next && below.top < box.bottom - 1) hurt.push('over: ' + node.className + '/' + next.className);
    for (const part of node.querySelectorAll('button, a, pre')) {
      const inner = part.getBoundingClientRect();
      if (inner.width && inner.right > box.right + 1) hurt.push('wide: ' + part.className);
    }
  });
  return { wide, hurt };
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def sandbox(tmp_path: Path) -> AsyncIterator[RunningSandbox]:
    async with running_sandbox(tmp_path) as running:
        yield running


@pytest.fixture
def bot(sandbox: RunningSandbox) -> Bot:
    return sandbox.bot()


@pytest_asyncio.fixture(loop_scope="module")
async def tab(browser: Browser, sandbox: RunningSandbox) -> AsyncIterator[Tab]:
    await sandbox.person().send("/start")
    await sandbox.bot().delete_webhook(drop_pending_updates=True)
    async with open_tab(browser, sandbox.url) as opened:
        await expect(opened.page.locator("html[data-ready=yes]")).to_be_attached()
        yield opened
        assert opened.complaints == []


@pytest.fixture
def page(tab: Tab) -> Page:
    return tab.page


def png(width: int = 90, height: int = 60, colour: str = "navy") -> BufferedInputFile:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return BufferedInputFile(out.getvalue(), "chart.png")


def keys(*buttons: InlineKeyboardButton) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(inline_keyboard=[list(buttons)])


async def heard(bot: Bot) -> Update:
    """Give what the page made the bot hear, and confirm it."""
    update = (await bot.get_updates(timeout=5))[-1]
    await bot.get_updates(offset=update.update_id + 1)
    return update


def bubble(page: Page, message: Any) -> Locator:
    return page.locator(f'[data-id="{message.message_id}"]')


async def test_text_is_shown_as_text_and_entities_as_format(bot: Bot, page: Page):
    text = "<img src=x onerror=alert(1)> bold code link time\nquote\nmore\nlines\nhere\nafter"
    marks = [
        MessageEntity(type="bold", offset=29, length=4),
        MessageEntity(type="code", offset=34, length=4),
        MessageEntity(type="text_link", offset=39, length=4, url="https://a.example/"),
        MessageEntity(type="date_time", offset=44, length=4, unix_time=1_780_000_000, date_time_format="DT"),
        MessageEntity(type="expandable_blockquote", offset=49, length=21),
        MessageEntity(type="spoiler", offset=71, length=5),
    ]  # fmt: skip
    row = bubble(page, await bot.send_message(ME, text, entities=marks))
    await expect(row.locator(".body")).to_contain_text("<img src=x onerror=alert(1)>")
    assert await row.locator("img").count() == 0
    await expect(row.locator("b")).to_have_text("bold")
    await expect(row.locator("code")).to_have_text("code")
    link = row.locator("a")
    assert await link.get_attribute("rel") == "noopener noreferrer"
    await expect(row.locator("time")).to_contain_text("2026")
    quote = row.locator("blockquote")
    folded = (await quote.bounding_box() or {})["height"]
    await quote.click()
    assert (await quote.bounding_box() or {})["height"] > folded + 15
    spoiler = row.locator(".spoiler")
    hidden = "getComputedStyle(node).color"
    assert await spoiler.evaluate(f"(node) => {hidden}") == "rgba(0, 0, 0, 0)"
    await spoiler.click()
    assert await spoiler.evaluate(f"(node) => {hidden}") != "rgba(0, 0, 0, 0)"


async def test_writing_reaches_the_bot_and_its_answer_the_page(bot: Bot, page: Page):
    await page.get_by_label("Message", exact=True).fill("hello\nbot <3")
    await page.keyboard.press("Enter")
    assert (await heard(bot)).message.text == "hello\nbot <3"
    answer = await bot.send_message(ME, "hello trader")
    await expect(bubble(page, answer)).to_be_in_viewport()
    await expect(page.locator(".mine").last).to_contain_text("bot <3")
    assert await page.get_by_label("Message", exact=True).input_value() == ""


async def test_press_toast_alert_and_styles(bot: Bot, page: Page):
    markup = keys(
        InlineKeyboardButton(text="Run", callback_data="run", style="success"),
        InlineKeyboardButton(text="Stop", callback_data="stop", style="danger"),
        InlineKeyboardButton(text="Off", disabled=DisabledButton()),
    )
    row = bubble(page, await bot.send_message(ME, "choose", reply_markup=markup))
    run = row.get_by_role("button", name="Run")
    await expect(run).to_have_class("success")
    await run.click()
    await expect(run).to_have_class("success waiting")
    query = (await heard(bot)).callback_query
    assert query.data == "run"
    await bot.answer_callback_query(query.id, "Launched <b>1</b>")
    await expect(page.locator("#toast")).to_have_text("Launched <b>1</b>")
    await expect(run).to_have_class("success")
    await row.get_by_role("button", name="Stop").click()
    query = (await heard(bot)).callback_query
    await bot.answer_callback_query(query.id, "Really stopped", show_alert=True)
    await expect(page.get_by_role("dialog")).to_contain_text("Really stopped")
    await page.get_by_role("button", name="OK").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(row.get_by_role("button", name="Off")).to_be_disabled()


async def test_copy_and_link_buttons(bot: Bot, page: Page):
    markup = keys(
        InlineKeyboardButton(text="Entry", copy_text=CopyTextButton(text="1.08505")),
        InlineKeyboardButton(text="Docs", url="https://a.example/docs"),
    )
    row = bubble(page, await bot.send_message(ME, "prices", reply_markup=markup))
    await row.get_by_role("button", name="Entry").click()
    await expect(page.locator("#toast")).to_have_text("Copied: 1.08505")
    assert await page.evaluate("navigator.clipboard.readText()") == "1.08505"
    assert (
        await row.get_by_role("link", name="Docs").get_attribute("href")
        == "https://a.example/docs"
    )


async def test_edits_happen_in_place(bot: Bot, page: Page):
    sent = await bot.send_message(
        ME, "step 1", reply_markup=keys(InlineKeyboardButton(text="Cancel", callback_data="c"))
    )
    await expect(bubble(page, await bot.send_message(ME, "after it"))).to_be_visible()
    rows = await page.locator(".row").count()
    await bot.edit_message_text("step 2", chat_id=ME, message_id=sent.message_id)
    await expect(bubble(page, sent).locator(".body")).to_contain_text("step 2")
    await expect(bubble(page, sent).locator(".meta")).to_contain_text("edited")
    await expect(bubble(page, sent).locator(".keys")).to_have_count(0)
    assert await page.locator(".row").count() == rows
    await bot.delete_message(ME, sent.message_id)
    await expect(bubble(page, sent)).to_have_count(0)


async def test_photo_opens_album_stands_in_a_grid_document_downloads(bot: Bot, page: Page):
    row = bubble(page, await bot.send_photo(ME, png(900, 600), caption="the chart"))
    await row.get_by_role("button", name="Open photo").click()
    viewer = page.locator("#viewer")
    await expect(viewer.locator("p")).to_have_text("the chart")
    assert (
        await viewer.locator("img").evaluate(
            "(image) => image.decode().then(() => image.naturalWidth)"
        )
        == 900
    )
    await page.keyboard.press("Escape")
    items = [
        InputMediaPhoto(media=png(300, 300, c)) for c in ("red", "green", "blue", "navy", "gold")
    ]
    album = bubble(page, (await bot.send_media_group(ME, items))[0])
    await expect(album.locator(".album img")).to_have_count(5)
    await expect(page.locator(".album")).to_have_count(1)
    file = bubble(
        page, await bot.send_document(ME, BufferedInputFile(b"a;b\n1;2\n", "trades.csv"))
    )
    await expect(file).to_contain_text("8 B")
    async with page.expect_download() as download:
        await file.get_by_role("link").click()
    saved = await download.value
    assert saved.suggested_filename == "trades.csv"
    assert (await saved.path()).read_bytes() == b"a;b\n1;2\n"


async def test_upload_by_button_and_by_drop(bot: Bot, page: Page, tmp_path: Path):
    await page.set_input_files(
        "#files", {"name": "bars.csv", "mimeType": "text/csv", "buffer": b"t;c\n"}
    )
    dialog = page.locator("#outgoing")
    await expect(dialog).to_contain_text("bars.csv")
    await dialog.get_by_label("Caption").fill("my bars")
    await dialog.get_by_role("button", name="Send", exact=True).click()
    got = (await heard(bot)).message
    assert (got.document.file_name, got.caption) == ("bars.csv", "my bars")
    file = await bot.get_file(got.document.file_id)
    assert (await bot.download_file(file.file_path)).read() == b"t;c\n"
    await expect(dialog).to_be_hidden()
    picture = list(png(40, 30).data)
    await page.evaluate(
        """(bytes) => {
          const carried = new DataTransfer();
          carried.items.add(new File([new Uint8Array(bytes)], 'shot.png', { type: 'image/png' }));
          for (const kind of ['dragover', 'drop'])
            document.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
        }""",
        picture,
    )
    await expect(dialog).to_contain_text("shot.png")
    await dialog.get_by_role("button", name="Send", exact=True).click()
    got = (await heard(bot)).message
    assert got.photo[-1].width == 40


async def test_menu_and_slash_filter(bot: Bot, page: Page):
    words = {"start": "Begin", "backtest": "Test a setup", "status": "Is all well?"}
    await bot.set_my_commands([BotCommand(command=c, description=d) for c, d in words.items()])
    await page.get_by_role("button", name="Menu").click()
    await expect(page.locator("#commands li")).to_have_count(3)
    await page.get_by_label("Message", exact=True).press_sequentially("/st")
    await expect(page.locator("#commands li")).to_have_count(2)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    assert (await heard(bot)).message.text == "/status"
    await expect(page.locator("#commands")).to_be_hidden()


async def test_typing_reactions_reply_and_offline(bot: Bot, sandbox: RunningSandbox, page: Page):
    poll = asyncio.create_task(bot.get_updates(timeout=8, allowed_updates=["message_reaction"]))
    await expect(page.locator("#status")).to_contain_text("online")
    await expect(page.locator("#offline")).to_be_hidden()
    await bot.send_chat_action(ME, "typing")
    await expect(page.locator("#status")).to_have_text("typing…")
    sent = await bot.send_message(ME, "well?")
    await expect(page.locator("#status")).to_contain_text("online")
    await bubble(page, sent).locator(".bubble").click(button="right")
    await page.locator("#popup").get_by_role("button", name="🔥").click()
    await expect(bubble(page, sent).locator(".reactions .own")).to_have_text("🔥")
    assert (await poll)[-1].message_reaction.new_reaction[0].emoji == "🔥"
    await bubble(page, sent).locator(".bubble").click(button="right")
    await page.get_by_role("menuitem", name="Reply").click()
    await page.get_by_label("Message", exact=True).fill("very")
    await page.keyboard.press("Enter")
    await expect(page.locator(".mine .quoted").last).to_contain_text("well?")
    mine = (await sandbox.person().messages())[-1]
    await bot.set_message_reaction(ME, mine["message_id"], [ReactionTypeEmoji(emoji="👍")])
    await expect(page.locator(".mine .reactions").last).to_have_text("👍")
    await expect(page.locator("#offline")).to_be_visible(timeout=9000)


async def test_another_person_starts_writes_and_blocks(
    bot: Bot, sandbox: RunningSandbox, page: Page
):
    await page.get_by_role("button", name="Add a person").click()
    await page.locator("#newcomer").get_by_label("Name").fill("Ann")
    await page.locator("#newcomer").get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator("#status")).to_contain_text("you are Ann")
    await page.get_by_role("button", name="Start", exact=True).click()
    got = (await heard(bot)).message
    assert (got.from_user.first_name, got.text) == ("Ann", "/start")
    await bot.send_message(ME, "for the trader only")
    await expect(page.locator("#chats .count")).to_have_text("1")
    assert "trader only" not in await page.locator("#messages").inner_text()
    await page.get_by_role("button", name="Block", exact=True).click()
    await expect(page.get_by_role("button", name="Unblock", exact=True).first).to_be_visible()
    await expect(page.locator("#composer")).to_be_hidden()
    await page.locator("#chats").get_by_text("Trader", exact=True).click()
    await expect(page.locator("#messages")).to_contain_text("for the trader only")


async def test_group_lets_either_person_press(bot: Bot, sandbox: RunningSandbox, page: Page):
    ann = await sandbox.add_person("Ann")
    group = await sandbox.add_group("Desk", sandbox.person(), ann)
    await page.locator("#chats").get_by_text("Desk").click()
    sent = await bot.send_message(
        group, "who?", reply_markup=keys(InlineKeyboardButton(text="Me", callback_data="me"))
    )
    await page.get_by_label("Write as").select_option("Ann")
    await bubble(page, sent).get_by_role("button", name="Me").click()
    assert (await bot.get_updates(timeout=3, offset=-1))[
        -1
    ].callback_query.from_user.id == ann.user_id


async def test_what_is_said_while_a_chat_opens_is_shown(
    bot: Bot, sandbox: RunningSandbox, page: Page
):
    group = await sandbox.add_group("Desk", sandbox.person())
    said = asyncio.Event()

    async def slowly(route: Route) -> None:
        found = await route.fetch()
        if f"chat_id={group}" in route.request.url:
            await bot.send_message(group, "in between")
            await expect(page.locator("#chats .count")).to_have_text("1")
            said.set()
        await route.fulfill(response=found)

    await page.route("**/sandbox/state*", slowly)
    await page.locator("#chats").get_by_text("Desk").click()
    await asyncio.wait_for(said.wait(), 20)
    await expect(page.locator(".row").last).to_contain_text("in between")


async def test_reading_further_up_is_not_disturbed(bot: Bot, page: Page):
    for number in range(40):
        await bot.send_message(ME, f"line {number}")
    await expect(page.locator(".row").last).to_contain_text("line 39")
    await page.evaluate("document.querySelector('#messages').scrollTop = 0")
    await expect(page.locator("#down")).to_be_visible()
    last = await bot.send_message(ME, "news")
    await expect(page.locator("#fresh")).to_have_text("1")
    assert await page.evaluate("document.querySelector('#messages').scrollTop") == 0
    await page.locator("#down").click()
    await expect(bubble(page, last)).to_be_in_viewport()
    await expect(page.locator("#down")).to_be_hidden()


@pytest.mark.parametrize("size", [PHONE, DESKTOP, (320, 640)], ids=["phone", "desktop", "small"])
async def test_nothing_overlaps_or_sticks_out(
    browser: Browser, bot: Bot, sandbox: RunningSandbox, size: tuple[int, int]
):
    trader = sandbox.person()
    await trader.send("/backtest " + "Frank_raid_v1_" * 12)
    long = [
        InlineKeyboardButton(text=f"A rather long label {n}", callback_data=str(n))
        for n in range(4)
    ]
    pre = [MessageEntity(type="pre", offset=0, length=240)]
    await bot.send_message(
        ME, "x" * 240 + "\n" + "words and words " * 30, entities=pre, reply_markup=keys(*long)
    )
    await bot.send_photo(
        ME, png(1080, 1350), caption="caption " * 40, reply_markup=keys(*long[:3])
    )
    for count in (2, 3, 7):
        await bot.send_media_group(
            ME, [InputMediaPhoto(media=png(200, 150)) for _ in range(count)]
        )
    await bot.send_document(ME, BufferedInputFile(b"x", "a_very_long_name_" * 6 + ".csv"))
    await trader.upload("own.csv", b"x", "mine")
    async with open_tab(browser, sandbox.url, size) as opened:
        await expect(opened.page.locator("html[data-ready=yes]")).to_be_attached()
        await expect(opened.page.locator(".row").last).to_be_in_viewport()
        found = await opened.page.evaluate(OVERFLOW)
        assert found == {"wide": 0, "hurt": []}
        if size[0] < 760:
            await opened.page.get_by_role("button", name="Chats").click()
            await expect(opened.page.locator("#side")).to_be_in_viewport(ratio=0.9)
            await opened.page.locator("#shade").click(position={"x": size[0] - 8, "y": 300})
            await expect(opened.page.locator("#side")).not_to_be_in_viewport()
        assert opened.complaints == []


async def test_the_page_catches_up_after_a_restart(browser: Browser, tmp_path: Path):
    async with running_sandbox(tmp_path) as before:
        port = int(before.url.rpartition(":")[2])
        await before.person().send("first")
        context = open_tab(browser, before.url)
        tab = await context.__aenter__()
        await expect(tab.page.locator(".mine")).to_have_count(1)
    await expect(tab.page.locator("#offline")).to_contain_text("does not answer")
    async with running_sandbox(tmp_path, port=port) as after:
        await after.bot().send_message(ME, "back again")
        await expect(tab.page.locator(".row").last).to_contain_text("back again", timeout=8000)
        assert text_of((await after.person().messages())[0]) == "first"
        await context.__aexit__(None, None, None)
