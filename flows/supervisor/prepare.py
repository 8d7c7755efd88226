"""Run once before the parts start: database, setups, sample; prints what there is as JSON.

It is a process of its own so that the supervisor stays small.
"""

import asyncio
import json
import sys

from flows.ingest import ensure_sample
from flows.owners import issue_owner_code
from flows.services import open_services
from flows.settings import Settings
from flows.settings_start import settings_or_exit


async def prepare(settings: Settings) -> dict[str, object]:
    """Bring the state up to date (opening the services does most); say what the screen shows."""
    async with open_services(settings, computes=False) as services:
        await ensure_sample(services, services.clock())
        holdings = await services.bars.holdings()
        code = await issue_owner_code(settings.owner_ids, services.chats, services.clock())
        return {
            "holdings": [h.model_dump(mode="json") for h in holdings],
            "setups": [spec.setup_id for spec in await services.setups.active()],
            "problems": await services.setups.problems(),
            "owner_code": code,
        }


if __name__ == "__main__":
    json.dump(asyncio.run(prepare(settings_or_exit())), sys.stdout)
