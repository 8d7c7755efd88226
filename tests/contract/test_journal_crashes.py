"""The journal's writers killed at any moment: each page there once, whole, with its pictures."""

import asyncio
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.domain.journal import EntryKind, JournalEntry
from storage.notion import NotionJournal
from storage.notion_calls import NotionCalls
from tests.kit.journal_worker import FILES
from tests.kit.notion import running_notion

ROOT = Path(__file__).parents[2]
PAGES = 8


async def test_processes_killed_at_any_moment(stores, store_url):
    if store_url is None:
        pytest.skip("memory dies with its process")
    queue = stores.journal_queue()
    for n in range(PAGES):
        entry = JournalEntry(
            kind=EntryKind.RUN, key=f"bt_{n}", title=f"run {n}", properties={"Trades": n},
            paragraphs=tuple(f"line {i}" for i in range(120)), pictures=tuple(FILES), table=(("a",), ("b",)),
        )  # fmt: skip
        await queue.owe(entry, datetime.now(UTC))
    async with running_notion(per_second=1e6, burst=1e6) as notion:
        calls = NotionCalls(notion.token, notion.url, per_second=1000.0)
        journal = NotionJournal(calls)
        found = await journal.check(make_in=notion.add_page("Trading"))
        await journal.close()
        begun, kills = len(notion.requests), 0
        for until in (9, 24, 38, None):
            command = (
                sys.executable,
                "-m",
                "tests.kit.journal_worker",
                store_url,
                notion.url,
                found.database_id,
            )
            worker = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
            kills += await _watch(worker, notion, until and begun + until)
        pages = notion.entries()
        assert kills == 3
        assert Counter(notion.plain(p, "run_id") for p in pages) == Counter(
            f"bt_{n}" for n in range(PAGES)
        )
        for page in pages:
            blocks = notion.on(page["id"])
            assert notion.texts(page["id"])[:120] == [f"line {i}" for i in range(120)]
            images = [b["image"]["file_upload"]["id"] for b in blocks if b["type"] == "image"]
            assert [bytes.fromhex(notion.uploads[i]["content"]) for i in images] == list(
                FILES.values()
            )
            assert len(blocks) == 120 + 2 + 1 + 1
    assert await queue.pending() == 0


async def _watch(worker, notion, until) -> bool:
    """Kill the worker once Notion has had so many requests; whether it was killed."""
    async with asyncio.timeout(60):
        while until is not None and worker.returncode is None:
            if len(notion.requests) >= until:
                worker.kill()
                await worker.wait()
                return True
            await asyncio.sleep(0.001)
        assert await worker.wait() == 0
    return False
