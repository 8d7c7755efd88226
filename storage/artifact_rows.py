"""Rows of the archive's files: path, hash, size, whose they are; wherever the bytes lie."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.report import Artifact
from storage.database import insert_into, reading, writing
from storage.tables import ARTIFACTS


class ArtifactRows:
    """What the database knows of archived files. `clock` says when each was put."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    @asynccontextmanager
    async def keeping(self, artifact: Artifact) -> AsyncIterator[str | None]:
        """Write a file's row; the block runs in the transaction, given the hash it replaces."""
        values = {**artifact.model_dump(), "put_at": self._clock()}
        row = insert_into(self._engine, ARTIFACTS).values(values)
        change = {name: value for name, value in values.items() if name != "path"}
        mine = select(ARTIFACTS.c.sha256).where(ARTIFACTS.c.path == artifact.path)
        async with writing(self._engine) as db:
            before = (await db.execute(mine.with_for_update())).scalar_one_or_none()
            await db.execute(row.on_conflict_do_update(index_elements=["path"], set_=change))
            yield before

    async def of_run(self, run_id: str) -> list[Artifact]:
        """Return a run's files in the order they were first put."""
        query = select(ARTIFACTS).where(ARTIFACTS.c.run_id == run_id).order_by(ARTIFACTS.c.seq)
        async with reading(self._engine) as db:
            rows = (await db.execute(query)).mappings().all()
        return [Artifact.model_validate(dict(row)) for row in rows]

    async def sha256(self, path: str) -> str | None:
        """Return the hash that a file must have; None: there is no such file."""
        query = select(ARTIFACTS.c.sha256).where(ARTIFACTS.c.path == path)
        async with reading(self._engine) as db:
            return (await db.execute(query)).scalar_one_or_none()
