"""The issue's first evening in a real browser: type /backtest, watch it, read it, page the trades."""

import io
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Page, expect

from bot.texts import en
from tests.kit.chat import COMMAND, chat
from tests.kit.chromium import PHONE, chromium, open_tab
from tests.kit.sandbox import text_of

pytestmark = pytest.mark.chromium

SOON, LONG = 10_000, 60_000  # milliseconds


async def test_a_backtest_typed_and_paged_on_a_phone(tmp_path: Path, sample_home: Path):
    shutil.copytree(sample_home, tmp_path / "scout")
    async with (
        chat(tmp_path) as running,
        chromium() as browser,
    ):
        await running.owner.send("/start")
        await running.owner.wait_for(lambda m: en.HELLO in text_of(m))
        async with open_tab(browser, running.sandbox.url, PHONE) as tab:
            await expect(tab.page.locator("html[data-ready=yes]")).to_be_attached()
            await run_and_page(tab.page)
            assert tab.complaints == []


async def run_and_page(page: Page) -> None:
    """Mistype, press the correction, read the result, turn two pages."""
    await say(page, COMMAND.replace("Asia_sweep_engulf_v1", "Asia_sweep"))
    await page.get_by_role("button", name="Asia_sweep_engulf_v1", exact=True).click()

    await expect(page.get_by_text("Load bars").last).to_be_visible(timeout=SOON)
    await expect(page.get_by_text(re.compile("Expectancy")).last).to_be_visible(timeout=LONG)
    await expect(page.get_by_text("SYNTHETIC").last).to_be_visible()
    await expect(page.get_by_text(re.compile("trades.csv")).last).to_be_visible(timeout=LONG)
    assert await drawn(page) >= 3, "the equity and the album"

    trades = page.get_by_role("button", name=en.BUTTON_TRADES)
    await trades.scroll_into_view_if_needed()
    await trades.click()
    await expect(page.get_by_text("Trade 1 of")).to_be_visible(timeout=LONG)
    await page.get_by_role("button", name=en.BUTTON_AHEAD).click()
    await expect(page.get_by_text("Trade 2 of")).to_be_visible(timeout=LONG)
    await expect(page.get_by_text("Trade 1 of")).to_have_count(0)

    shot = Image.open(io.BytesIO(await page.screenshot()))
    assert shot.size == (2 * PHONE[0], 2 * PHONE[1])
    wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, "nothing sticks out of the phone"


async def say(page: Page, text: str) -> None:
    """Type a message and send it."""
    field = page.get_by_label("Message", exact=True)
    await field.fill(text)
    await field.press("Enter")


async def drawn(page: Page) -> int:
    """Count the pictures of the chat that have arrived whole."""
    return int(
        await page.evaluate(
            "[...document.querySelectorAll('#messages img')]"
            ".filter((i) => i.complete && i.naturalWidth > 300).length"
        )
    )
