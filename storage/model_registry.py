"""FileModelRegistry: models as files, their rows and what is in use in the database.

The row is written in the transaction in which the folder gets its name. A death in between leaves
a whole folder without a row: it is never used, and its number is not given again.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pipeline.domain.errors import StoreDownError
from pipeline.domain.model import GateVerdict, ModelStanding, ModelVersion
from storage.database import alone, insert_into, reading, writing
from storage.live_tables import SIGNAL_NUMBERS
from storage.model_files import ModelPlace
from storage.model_ports import StoredModel
from storage.model_rules import (
    Sealed,
    check_standing,
    checked_number,
    dropped,
    good_id,
    named,
    number_of,
    opened,
    refused,
    sealed,
    version_of,
)
from storage.model_tables import MODEL_CHANGES, MODEL_STANDINGS, MODEL_VERSIONS

_V = MODEL_VERSIONS.c
_H = MODEL_CHANGES.c
_LOCK = 7_205_759_406  # models are kept, put in use and removed one after another
_P = ParamSpec("_P")
_T = TypeVar("_T")


class FileModelRegistry:
    """Versions of models and their use; see `storage.model_ports.ModelRegistry`.

    Parameters
    ----------
    files
        The models' folder, or where hosts share them; who shares the database shares it too.
    """

    def __init__(self, files: ModelPlace, engine: AsyncEngine) -> None:
        self._files = files
        self._engine = engine

    async def next_version(self, model_id: str) -> str:
        """Return the version that a new model gets; the number is spent, used or not."""
        if not good_id(model_id):
            raise ValueError(f"no model is called {model_id!r}")
        on_disk = await _off_loop(self._files.highest, model_id)
        highest = select(func.max(_V.number)).where(_V.model_id == model_id)
        async with writing(self._engine) as db:
            await alone(db, _LOCK)
            floor = max(on_disk, (await db.execute(highest)).scalar_one() or 0)
            return version_of(await _count_up(db, self._engine, model_id, floor))

    async def put(
        self, model: StoredModel, verdict: GateVerdict | None, now: datetime
    ) -> ModelVersion:
        """Keep a version: its files and its row, or nothing. The same one again is no error."""
        name, number = model.manifest, checked_number(model.manifest)
        kept = sealed(model)
        key = {"model_id": name.model_id, "version": name.version}
        row: dict[str, Any] = {
            **key, "number": number, "created_at": now, "run_id": name.run_id,
            "sha256": kept.sha256, "verdict": verdict and verdict.model_dump(mode="json"),
        }  # fmt: skip
        async with writing(self._engine) as db:
            await alone(db, _LOCK)
            there = await _row(db, name.model_id, name.version)
            if there is None:
                await self._keep(db, row, kept)
                there = await _row(db, name.model_id, name.version)
        if there is None or there.sha256 != kept.sha256 or there.removed_at is not None:
            raise ValueError(f"{named(name.model_id, name.version)} is another model")
        return _version(there)

    async def _keep(self, db: AsyncConnection, row: dict[str, Any], kept: Sealed) -> None:
        place = row["model_id"], row["version"]
        try:
            await _off_loop(self._files.write, *place, kept)
            await db.execute(insert_into(self._engine, MODEL_VERSIONS).values(row))
        except BaseException:
            await _off_loop(self._files.drop, *place)
            raise

    async def get(self, model_id: str, version: str) -> StoredModel:
        """Return a version after its hash was found to be right."""
        name = named(model_id, version)
        if not good_id(model_id) or number_of(version) is None:
            raise refused(name, "missing", "no model can have that name")
        async with reading(self._engine) as db:
            row = await _row(db, model_id, version)
        if row is None or row.removed_at is not None:
            raise refused(name, "missing", "it is not kept")
        try:
            kept = await asyncio.to_thread(self._files.read, model_id, version)
        except OSError as error:
            raise refused(name, "missing", "its files are missing") from error
        if kept.sha256 != row.sha256:
            raise await self._stranger(kept, name)
        return opened(kept, model_id, version)

    async def _stranger(self, kept: Sealed, name: str) -> Exception:
        """Say whose files lie in a version's place; only their hash is looked at."""
        query = select(MODEL_VERSIONS).where(_V.sha256 == kept.sha256)
        async with reading(self._engine) as db:
            row = (await db.execute(query)).first()
        if row is None:
            return refused(name, "damaged", "its files are damaged or were changed")
        return refused(name, "foreign", f"its files are those of {row.model_id} {row.version}")

    async def versions(self, model_id: str) -> list[ModelVersion]:
        """Return all versions, newest first."""
        async with reading(self._engine) as db:
            return [_version(row) for row in await _kept(db, model_id)]

    async def models(self) -> list[str]:
        """Return the ids of all models."""
        query = select(_V.model_id).where(_V.removed_at.is_(None)).distinct()
        async with reading(self._engine) as db:
            return sorted((await db.execute(query)).scalars().all())

    async def standing(self, model_id: str) -> ModelStanding:
        """Return which versions are in use."""
        async with reading(self._engine) as db:
            return (await _standing(db, model_id))[0]

    async def change(self, standing: ModelStanding, expected: ModelStanding) -> bool:
        """Put a standing in the place of the one that was read; False: it was changed."""
        model_id = standing.model_id
        async with writing(self._engine) as db:
            await alone(db, _LOCK)
            check_standing(standing, [row.version for row in await _kept(db, model_id)])
            current, revision = await _standing(db, model_id)
            if current != expected:
                return False
            new = {
                "standing": standing.model_dump(mode="json"), "changed_at": standing.changed_at,
            }  # fmt: skip
            anew = {**new, "revision": revision + 1}
            row = insert_into(self._engine, MODEL_STANDINGS).values(model_id=model_id, **anew)
            await db.execute(row.on_conflict_do_update(index_elements=["model_id"], set_=anew))
            history = insert_into(self._engine, MODEL_CHANGES)
            await db.execute(history.values(model_id=model_id, **new))
        return True

    async def history(self, model_id: str) -> list[ModelStanding]:
        """Return the standings a model had, newest first."""
        async with reading(self._engine) as db:
            return await _history(db, model_id)

    async def removable(self, model_id: str, count: int) -> list[str]:
        """Return which versions `keep_last` would remove."""
        async with reading(self._engine) as db:
            return await _removable(db, model_id, count)

    async def keep_last(self, model_id: str, count: int, now: datetime) -> list[str]:
        """Remove the files and rows of all but the newest; return which versions."""
        async with writing(self._engine) as db:
            await alone(db, _LOCK)
            gone = await _removable(db, model_id, count)
            mine = _V.model_id == model_id, _V.version.in_(gone)
            await db.execute(update(MODEL_VERSIONS).where(*mine).values(removed_at=now))
        async with writing(self._engine) as db:
            await alone(db, _LOCK)
            await self._clear(db, model_id)
        return gone

    async def _clear(self, db: AsyncConnection, model_id: str) -> None:
        """Remove the folders of removed rows, also of those whose remover died."""
        if not good_id(model_id):
            return
        query = select(_V.version).where(_V.model_id == model_id, _V.removed_at.is_not(None))
        for version in (await db.execute(query)).scalars().all():
            await _off_loop(self._files.remove, model_id, version)
        await _off_loop(self._files.tidy, model_id)


async def _removable(db: AsyncConnection, model_id: str, count: int) -> list[str]:
    kept = [row.version for row in await _kept(db, model_id)]
    standing, _ = await _standing(db, model_id)
    return dropped(kept, count, standing, await _history(db, model_id))


async def _count_up(db: AsyncConnection, engine: AsyncEngine, model_id: str, floor: int) -> int:
    """Return the number after the last one given, and after `floor`."""
    c = SIGNAL_NUMBERS.c
    mine = c.prefix == f"model:{model_id}"
    last = (await db.execute(select(c.last).where(mine))).scalar_one_or_none() or 0
    number = max(last, floor) + 1
    count = insert_into(engine, SIGNAL_NUMBERS).values(prefix=f"model:{model_id}", last=number)
    up = count.on_conflict_do_update(index_elements=["prefix"], set_={"last": number})
    await db.execute(up)
    return number


async def _row(db: AsyncConnection, model_id: str, version: str) -> Row[Any] | None:
    query = select(MODEL_VERSIONS).where(_V.model_id == model_id, _V.version == version)
    return (await db.execute(query)).one_or_none()


async def _kept(db: AsyncConnection, model_id: str) -> list[Row[Any]]:
    query = select(MODEL_VERSIONS).where(_V.model_id == model_id, _V.removed_at.is_(None))
    return list((await db.execute(query.order_by(_V.number.desc()))).all())


async def _standing(db: AsyncConnection, model_id: str) -> tuple[ModelStanding, int]:
    query = select(MODEL_STANDINGS).where(MODEL_STANDINGS.c.model_id == model_id)
    row = (await db.execute(query)).one_or_none()
    if row is None:
        return ModelStanding(model_id=model_id), 0
    return ModelStanding.model_validate(row.standing), row.revision


async def _history(db: AsyncConnection, model_id: str) -> list[ModelStanding]:
    query = select(_H.standing).where(_H.model_id == model_id).order_by(_H.seq.desc())
    rows = (await db.execute(query)).scalars().all()
    return [ModelStanding.model_validate(row) for row in rows]


def _version(row: Row[Any]) -> ModelVersion:
    return ModelVersion(
        model_id=row.model_id,
        version=row.version,
        created_at=row.created_at,
        run_id=row.run_id,
        verdict=None if row.verdict is None else GateVerdict.model_validate(row.verdict),
        path=f"{row.model_id}/{row.version}",
    )


async def _off_loop(work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as error:
        raise StoreDownError(f"models can't be read or written: {error.strerror}") from error
