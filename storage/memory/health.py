"""MemoryHealthBoard: the newest pulse of each process, in memory."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipeline.domain.live import Pulse
from storage.live_ports import PULSES_KEPT
from storage.tables import json_text


class MemoryHealthBoard:
    """Pulses by name; see `storage.live_ports.HealthBoard`."""

    def __init__(self) -> None:
        self._pulses: dict[str, Pulse] = {}

    async def beat(self, name: str, facts: Mapping[str, Any], now: datetime) -> None:
        """Write a process's newest pulse."""
        kept = {key: p for key, p in self._pulses.items() if p.at >= now - PULSES_KEPT}
        pulse = Pulse(name=name, at=now, facts=json.loads(json_text(dict(facts))))
        self._pulses = kept | {name: pulse}

    async def pulses(self) -> list[Pulse]:
        """Return the newest pulse of each process, by name."""
        return [pulse for _, pulse in sorted(self._pulses.items())]
