"""MemoryQuarantine: bars that wait for a person's word, in memory."""

from collections.abc import Sequence
from datetime import datetime

from pipeline.domain.market import Timeframe
from pipeline.domain.source import WithheldBar

_Key = tuple[str, str, datetime, str, str, tuple[float, ...]]


class MemoryQuarantine:
    """Withheld bars; see `storage.source_ports.Quarantine`."""

    def __init__(self) -> None:
        self._bars: dict[_Key, WithheldBar] = {}

    async def withhold(self, bars: Sequence[WithheldBar]) -> int:
        """Keep them; what waits or was settled with the same prices stays as it is."""
        before = len(self._bars)
        for bar in bars:
            self._bars.setdefault(_key(bar), bar)
        return len(self._bars) - before

    async def waiting(
        self, symbol: str | None = None, timeframe: Timeframe | None = None
    ) -> list[WithheldBar]:
        """Return the open ones."""
        found = [
            bar
            for bar in self._bars.values()
            if bar.state == "open" and symbol in (None, bar.symbol)
            and timeframe in (None, bar.timeframe)
        ]  # fmt: skip
        return sorted(found, key=lambda bar: (bar.symbol, bar.timeframe.value, bar.open_time))

    async def settle(self, bars: Sequence[WithheldBar], state: str, now: datetime) -> int:
        """Mark them; return how many were open."""
        del now
        mine = [key for bar in bars if self._open(key := _key(bar))]
        for key in mine:
            self._bars[key] = self._bars[key].model_copy(update={"state": state})
        return len(mine)

    def _open(self, key: _Key) -> bool:
        return key in self._bars and self._bars[key].state == "open"


def _key(bar: WithheldBar) -> _Key:
    place = (bar.symbol, bar.timeframe.value, bar.open_time, bar.source)
    return (*place, bar.kind.value, bar.prices)
