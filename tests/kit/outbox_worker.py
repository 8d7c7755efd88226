"""A front end in a process of its own that drains an outbox into a file, until it is killed.

Run as `python -m tests.kit.outbox_worker URL FILE LEASE_SECONDS`. A line in FILE is a sent message.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.database import open_database
from storage.outbox import SqlOutbox


async def drain(url: str, file: Path, lease: timedelta) -> None:
    outbox = SqlOutbox(open_database(url).engine)
    with file.open("a") as chat:
        while await outbox.pending():
            for delivery in await outbox.claim(datetime.now(UTC), lease=lease, limit=3):
                time.sleep(0.01)  # noqa: ASYNC251 - the send takes a while, so that a kill can hit it
                chat.write(f"{delivery.chat_id} {delivery.dedupe_key} {delivery.payload['n']}\n")
                chat.flush()
                await outbox.ack(delivery.id, datetime.now(UTC), [1])


if __name__ == "__main__":
    asyncio.run(drain(sys.argv[1], Path(sys.argv[2]), timedelta(seconds=float(sys.argv[3]))))
