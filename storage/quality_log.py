"""SqlQualityLog: what checks of held bars found, in the database."""

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.data_quality import HoldingQuality
from storage.database import reading, writing
from storage.outside_tables import DATA_QUALITY

_Q = DATA_QUALITY.c


class SqlQualityLog:
    """Checks of holdings; see `storage.source_ports.QualityLog`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def keep(self, quality: HoldingQuality) -> None:
        """Keep a check; one of the same run is replaced."""
        key = {"symbol": quality.symbol, "timeframe": quality.timeframe, "run_id": quality.run_id}
        row = {
            **key, "at": quality.at, "score": quality.score,
            "report": quality.model_dump(mode="json"),
        }  # fmt: skip
        async with writing(self._engine) as db:
            await db.execute(delete(DATA_QUALITY).where(*(_Q[n] == v for n, v in key.items())))
            await db.execute(DATA_QUALITY.insert().values(row))

    async def newest(
        self, symbol: str, timeframe: str, *, before_run: str = ""
    ) -> HoldingQuality | None:
        """Return the newest check of a holding that is not of that run."""
        query = (
            select(_Q.report)
            .where(_Q.symbol == symbol, _Q.timeframe == timeframe, _Q.run_id != before_run)
            .order_by(_Q.at.desc(), _Q.id.desc())
            .limit(1)
        )
        async with reading(self._engine) as db:
            found = (await db.execute(query)).scalar_one_or_none()
        return None if found is None else HoldingQuality.model_validate(found)
