"""Where a signal's alert stands in one chat: what a row of `alerts` keeps, in memory."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.domain.live import AlertSent, Held


@dataclass(frozen=True)
class AlertRow:
    """One chat's alert; `state` is owed, held, told, sent or failed."""

    number: int
    signal_id: str
    chat_id: int
    silent: bool
    state: str
    held: str = ""
    due_at: datetime | None = None
    message_id: int = 0
    accepted_at: datetime | None = None
    edits: int = 0

    @property
    def payload(self) -> dict[str, Any]:
        """What its delivery carries."""
        return {"signal_id": self.signal_id, "silent": self.silent, "edits": self.edits}

    def sent(self) -> AlertSent:
        """Return it as it was accepted."""
        return AlertSent(
            signal_id=self.signal_id,
            chat_id=self.chat_id,
            message_id=self.message_id,
            accepted_at=self.accepted_at,
        )

    def waiting(self) -> Held:
        """Return it as it waits for its digest."""
        return Held(
            id=self.number,
            chat_id=self.chat_id,
            signal_id=self.signal_id,
            held=self.held,
            due_at=self.due_at,
        )
