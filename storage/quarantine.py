"""SqlQuarantine: bars that wait for a person's word, in the database."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.market import Timeframe
from pipeline.domain.source import WithheldBar
from storage.database import insert_into, reading, writing
from storage.outside_tables import WITHHELD_BARS

_W = WITHHELD_BARS.c
_AT_A_TIME = 500
_PLACE = ("symbol", "timeframe", "open_time", "source", "sha256")


class SqlQuarantine:
    """Withheld bars; see `storage.source_ports.Quarantine`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def withhold(self, bars: Sequence[WithheldBar]) -> int:
        """Keep them; what waits or was settled with the same prices stays as it is."""
        new = 0
        async with writing(self._engine) as db:
            for start in range(0, len(bars), _AT_A_TIME):
                rows = [_row(bar) for bar in bars[start : start + _AT_A_TIME]]
                insert = insert_into(self._engine, WITHHELD_BARS).values(rows)
                done = await db.execute(
                    insert.on_conflict_do_nothing(index_elements=list(_PLACE)).returning(_W.id)
                )
                new += len(done.all())
        return new

    async def waiting(
        self, symbol: str | None = None, timeframe: Timeframe | None = None
    ) -> list[WithheldBar]:
        """Return the open ones."""
        query = select(_W.bar).where(_W.state == "open").order_by(
            _W.symbol, _W.timeframe, _W.open_time, _W.id
        )  # fmt: skip
        if symbol is not None:
            query = query.where(_W.symbol == symbol)
        if timeframe is not None:
            query = query.where(_W.timeframe == timeframe.value)
        async with reading(self._engine) as db:
            rows = (await db.execute(query)).scalars().all()
        return [WithheldBar.model_validate(row) for row in rows]

    async def settle(self, bars: Sequence[WithheldBar], state: str, now: datetime) -> int:
        """Mark them; return how many were open."""
        settled = 0
        async with writing(self._engine) as db:
            for start in range(0, len(bars), _AT_A_TIME):
                places = [_place(bar) for bar in bars[start : start + _AT_A_TIME]]
                mine = or_(*(and_(*(_W[n] == v for n, v in p.items())) for p in places))
                change = update(WITHHELD_BARS).where(_W.state == "open", mine)
                done = await db.execute(change.values(state=state, settled_at=now))
                settled += done.rowcount
        return settled


def _place(bar: WithheldBar) -> dict[str, object]:
    return {
        "symbol": bar.symbol, "timeframe": bar.timeframe.value, "open_time": bar.open_time,
        "source": bar.source, "sha256": fingerprint(bar),
    }  # fmt: skip


def _row(bar: WithheldBar) -> dict[str, object]:
    return {
        **_place(bar), "kind": bar.kind.value, "bar": bar.model_dump(mode="json"),
        "state": "open", "at": bar.at,
    }  # fmt: skip


def fingerprint(bar: WithheldBar) -> str:
    """Return what tells two versions of a withheld bar apart: why, and its prices."""
    return hashlib.sha256(json.dumps([bar.kind.value, bar.prices]).encode()).hexdigest()
