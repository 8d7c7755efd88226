"""SqlTokenStore: tokens of the HTTP entry, in the database."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.entry import ApiToken
from storage.database import insert_into, reading, writing
from storage.operation_tables import API_TOKENS

_C = API_TOKENS.c


class SqlTokenStore:
    """Tokens by name; see `storage.entry_ports.TokenStore`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, token: ApiToken) -> bool:
        """Keep a token; False if its name or its hash was ever used."""
        row = insert_into(self._engine, API_TOKENS).values(token.model_dump())
        async with writing(self._engine) as db:
            kept = await db.execute(row.on_conflict_do_nothing().returning(_C.name))
            return kept.first() is not None

    async def find(self, sha256: str) -> ApiToken | None:
        """Return the token with this hash, or None."""
        async with reading(self._engine) as db:
            found = await db.execute(select(API_TOKENS).where(_C.sha256 == sha256))
            row = found.mappings().first()
        return None if row is None else ApiToken.model_validate(dict(row))

    async def all(self) -> list[ApiToken]:
        """Return all tokens, by name."""
        async with reading(self._engine) as db:
            rows = (await db.execute(select(API_TOKENS))).mappings().all()
        found = [ApiToken.model_validate(dict(row)) for row in rows]
        return sorted(found, key=lambda token: token.name)

    async def revoke(self, name: str, now: datetime) -> bool:
        """End a token for good; False if there is none or it is revoked already."""
        mine = update(API_TOKENS).where(_C.name == name, _C.revoked_at.is_(None))
        async with writing(self._engine) as db:
            found = await db.execute(mine.values(revoked_at=now).returning(_C.name))
            return found.first() is not None
