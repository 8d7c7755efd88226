"""What an outbox owes, read as its drain would."""

from datetime import timedelta

from pipeline.domain.report import Delivery
from storage.ports import Outbox
from tests.kit.plain_services import NOW


async def owed(outbox: Outbox) -> list[Delivery]:
    """Take and acknowledge everything that is owed, in order."""
    found: list[Delivery] = []
    now = NOW + timedelta(hours=1)
    while claimed := await outbox.claim(now, lease=timedelta(seconds=5)):
        for delivery in claimed:
            await outbox.ack(delivery.id, now, [len(found) + 1])
            found.append(delivery)
    return found
