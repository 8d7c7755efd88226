"""Run once before the parts start: database, setups, sample; prints what there is as JSON.

It is a process of its own so that the supervisor stays small, and so that it alone may need the
right to change tables.
"""

import asyncio
import json
import sys
from typing import TYPE_CHECKING

from flows.kernel_cache import use_kernel_cache
from flows.settings_start import settings_or_exit

if TYPE_CHECKING:
    from flows.settings import Settings


async def prepare(settings: "Settings") -> dict[str, object]:
    """Bring the state up to date (opening the services does most); say what the screen shows."""
    # These import kernels, whose place has to be known by then.
    from flows.ingest import ensure_sample  # noqa: PLC0415
    from flows.owners import issue_owner_code  # noqa: PLC0415
    from flows.services import open_services  # noqa: PLC0415

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


def main() -> None:
    """Prepare what the settings name."""
    settings = settings_or_exit()
    use_kernel_cache(settings.home)
    json.dump(asyncio.run(prepare(settings)), sys.stdout)


if __name__ == "__main__":
    main()
