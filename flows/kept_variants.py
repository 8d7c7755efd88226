"""The trades of all variants of a grid, kept in the archive for the rule profiler."""

import asyncio
import io

import pandas as pd

from flows.research_report import Desk
from pipeline.research.results import TradeTable

MOST_TRADES = 2_000_000
"""Of one run: more would fill the archive; such a run is known by its summaries alone."""
SUFFIX = "_variant_trades.parquet"


async def keep_variant_trades(desk: Desk, table: TradeTable) -> dict[str, str]:
    """Put the trades into the archive; return the file by its name in reports, or nothing."""
    if len(table.rr) > MOST_TRADES:
        return {}
    data = await asyncio.to_thread(_parquet, table)
    path = await desk.keep(SUFFIX, data, "variant_trades", "application/vnd.apache.parquet")
    return {"variant_trades": f"archive/{path}"}


def _parquet(table: TradeTable) -> bytes:
    out = io.BytesIO()
    table.frame().to_parquet(out, index=False)
    return out.getvalue()


def read_variant_trades(data: bytes) -> TradeTable:
    """Return what was kept."""
    return TradeTable.from_frame(pd.read_parquet(io.BytesIO(data)))
