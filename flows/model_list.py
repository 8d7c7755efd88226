"""The versions of models with what each is worth and whether it may be used."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flows.models import ModelShelf, shelves
from flows.services import Services
from pipeline.domain.errors import DataError
from pipeline.domain.model import ModelStanding, ModelVersion
from pipeline.domain.report import Interval

NEWEST = 8
"""How many versions of a model are told at most, beside those in use."""


@dataclass(frozen=True)
class VersionLine:
    """One version: what it is now, its AUC, the gate's word, when it ends, what is wrong."""

    version: str
    run_id: str
    created_at: datetime
    role: str
    auc: Interval | None
    promoted: bool | None
    expires_at: datetime | None
    expired: bool
    problem: str = ""


@dataclass(frozen=True)
class ModelLines:
    """A model with the versions that are told, and how many more there are."""

    model_id: str
    standing: ModelStanding
    versions: tuple[VersionLine, ...]
    more: int


async def model_lines(services: Services) -> list[ModelLines]:
    """Return all models, each with its newest versions and those in use."""
    return [await _lines(shelf, services) for shelf in await shelves(services)]


async def _lines(shelf: ModelShelf, services: Services) -> ModelLines:
    standing = shelf.standing
    used = {standing.champion, standing.challenger, standing.previous}
    told = [v for i, v in enumerate(shelf.versions) if i < NEWEST or v.version in used]
    lines = [await _line(version, standing, services) for version in told]
    return ModelLines(shelf.model_id, standing, tuple(lines), len(shelf.versions) - len(told))


async def _line(row: ModelVersion, standing: ModelStanding, services: Services) -> VersionLine:
    expires, problem, auc = None, "", None
    try:
        manifest = (await services.models.get(row.model_id, row.version)).manifest
    except DataError as error:
        problem = error.user_text
    else:
        expires = manifest.created_at + timedelta(days=manifest.expiry_days)
        auc = manifest.metrics.roc_auc
    return VersionLine(
        version=row.version, run_id=row.run_id, created_at=row.created_at,
        role=role_of(row.version, standing), auc=auc,
        promoted=None if row.verdict is None else row.verdict.promoted, expires_at=expires,
        expired=expires is not None and services.clock() > expires, problem=problem,
    )  # fmt: skip


def role_of(version: str, standing: ModelStanding) -> str:
    """Return what a version is: champion, challenger, previous or nothing."""
    roles = ("champion", "challenger", "previous")
    return next((role for role in roles if getattr(standing, role) == version), "")
