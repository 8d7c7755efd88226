"""What an outbox owes, read as its drain would."""

from datetime import timedelta

from flows.services import Services
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


async def texts_owed(services: Services) -> list[tuple[int, str]]:
    """Take and acknowledge what is owed by now, in order: each one's chat and text."""
    said = []
    while claimed := await services.outbox.claim(
        services.clock(), lease=timedelta(minutes=1), limit=50
    ):
        for delivery in claimed:
            await services.outbox.ack(delivery.id, services.clock(), [1])
        said += [(d.chat_id, d.payload["text"]) for d in claimed]
    return said
