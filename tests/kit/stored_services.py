"""Services whose live signals are kept in memory or, with a URL, in a real database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from flows.services import Services
from storage.brokers.paper import PaperBroker
from tests.kit.plain_services import plain_services
from tests.kit.stores import Stores


@asynccontextmanager
async def stored_services(home: Path, url: str | None, **settings: Any) -> AsyncIterator[Services]:
    """Give plain services; with a URL all that is kept of live watching is in that database."""
    async with plain_services(home, **settings) as plain:
        if url is None:
            yield plain
            return
        stores = Stores(url, home / "archive", models=home / "models")
        signals = stores.signals()
        yield replace(
            plain, runs=stores.runs(), signals=signals, broker=PaperBroker(signals), scans=stores.scans(),
            watches=stores.watches(), outbox=stores.outbox(), audit=stores.audit(),
            chats=stores.chats(), archive=stores.archive(), labels=stores.labels(),
            models=stores.models(), schedules=stores.schedules(),
            deployments=stores.deployments(), tokens=stores.tokens(),
            request_keys=stores.request_keys(), inbox=stores.inbox(),
            journal_queue=stores.journal_queue(),
            facts=stores.facts(),
            quarantine=stores.quarantine(), quality=stores.quality(), loads=stores.loads(), source_choices=stores.source_choices(),
        )  # fmt: skip
        await stores.close()
