"""A real Chromium for page tests: headless, offline in habit, with its complaints collected."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

EXECUTABLE = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = (390, 844)
DESKTOP = (1280, 800)


@dataclass
class Tab:
    """A page and what its console complained about."""

    page: Page
    complaints: list[str] = field(default_factory=list)


def require_chromium() -> None:
    """Skip the test where there is no Chromium; fail on CI."""
    if shutil.which(EXECUTABLE):
        return
    reason = f"no Chromium at {EXECUTABLE}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run one browser."""
    require_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=EXECUTABLE, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def open_tab(
    browser: Browser, url: str, size: tuple[int, int] = DESKTOP
) -> AsyncIterator[Tab]:
    """Open a page of a size in a context of its own; clipboard allowed."""
    phone = size[0] < 600
    context: BrowserContext = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        device_scale_factor=2 if phone else 1,
        has_touch=phone,
        is_mobile=phone,
        permissions=["clipboard-read", "clipboard-write"],
    )
    page = await context.new_page()
    tab = Tab(page)
    page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    page.on(
        "console",
        lambda line: (
            tab.complaints.append(line.text) if line.type in {"error", "warning"} else None
        ),
    )
    try:
        await page.goto(url)
        yield tab
    finally:
        await context.close()
