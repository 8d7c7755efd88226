"""An alert in a real browser on a phone: looked at, unfolded, approved."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from bot.texts import en_alert as en
from tests.kit.chat import chat
from tests.kit.chromium import PHONE, chromium, open_tab
from tests.kit.live_chat import admit, alert_of

pytestmark = pytest.mark.chromium


async def test_an_alert_is_read_and_approved_on_a_phone(tmp_path: Path):
    async with chat(tmp_path) as running, chromium() as browser:
        record = await admit(running)
        await alert_of(running.owner, record.signal_id, "→ Telegram", seconds=30)
        async with open_tab(browser, running.sandbox.url, PHONE) as tab:
            page = tab.page
            await expect(page.locator("html[data-ready=yes]")).to_be_attached()
            bubble = page.locator(".bubble.media").first
            await expect(bubble.locator("img")).to_have_js_property("complete", value=True)
            await expect(bubble.locator("blockquote")).to_be_visible()
            await expect(bubble.locator("time").first).not_to_contain_text("UTC")
            keys = page.locator(".keys").first
            await expect(keys.locator("button")).to_have_count(7)
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= PHONE[0], "nothing sticks out"
            await keys.get_by_role("button", name=en.APPROVE).click()
            await expect(page.get_by_text(en.ACCEPTED["approved"])).to_be_visible(timeout=15_000)
            said = keys.get_by_role("button", name="Approved by")
            await expect(said).to_be_visible(timeout=15_000)
            await expect(keys.get_by_role("button", name=en.REJECT)).to_have_count(0)
            assert tab.complaints == []
