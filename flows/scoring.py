"""Who scores live signals: the models in use, taken up beside the scans and asked within them."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from flows.model_notices import tell_expired, tell_refused
from flows.services import Services
from pipeline.domain.errors import AppError, ModelRefusedError
from pipeline.domain.model import ModelManifest, ModelStanding
from pipeline.domain.training import SIGNAL_CLASSIFIER
from pipeline.ml.features import FEATURE_VERSION, Vector
from storage.model_ports import StoredModel
from storage.telemetry import get_logger

log = get_logger(__name__)
CONTRIBUTIONS = 8
"""How many of a score's largest contributions are kept with a signal."""


class Scores(Protocol):
    """A model put to use: `pipeline.ml.scoring.Scorer`."""

    def score(self, features: Vector) -> float:
        """Return p_success, 0–1."""
        ...

    def contributions(self, features: Vector) -> Mapping[str, float]:
        """Return what each feature adds to the score's log-odds."""
        ...


@dataclass(frozen=True)
class InUse:
    """One version that can score."""

    manifest: ModelManifest
    scorer: Scores

    @property
    def version(self) -> str:
        """Its version."""
        return self.manifest.version


@dataclass(frozen=True)
class Scored:
    """What the models say of a signal.

    `ml_score` is as `decide` takes it: None where no model is in use, NaN where the one that is
    gave no score. `note` says in words why there is none, where one is deployed.
    """

    ml_score: float | None = None
    model: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    contributions: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    def fields(self) -> dict[str, Any]:
        """Return the fields of a `LiveSignal`."""
        known = self.ml_score is not None and math.isfinite(self.ml_score)
        return {
            "ml_score": self.ml_score if known else None,
            "model": self.model,
            "model_note": self.note,
            "scores": dict(self.scores),
            "contributions": dict(self.contributions),
        }


def put_to_use(stored: StoredModel) -> Scores:
    """Return the scorer of a kept model.

    Raises
    ------
    ModelRefusedError
        It is damaged, foreign, or learnt from features of another version than today's.
    """
    from pipeline.ml.scoring import Scorer  # noqa: PLC0415  (LightGBM takes a second to load)

    manifest = stored.manifest
    if manifest.feature_version != FEATURE_VERSION:
        raise ModelRefusedError(
            f"model {manifest.model_id} {manifest.version} is refused: it learnt from features "
            f"of version {manifest.feature_version}, today's are {FEATURE_VERSION}; /train makes "
            "one that knows them"
        )
    return Scorer.of(manifest, stored.trees)


class ScoreDesk:
    """The models that a session asks: champion, and challenger where both are compared.

    `look` takes up what is in use now; `score` only computes. What can't be loaded never takes
    the place of what can: the champion before it goes on scoring, and the owners are told once.
    """

    def __init__(
        self,
        services: Services,
        model_id: str = SIGNAL_CLASSIFIER,
        load: Callable[[StoredModel], Scores] = put_to_use,
    ) -> None:
        self._services = services
        self._model_id = model_id
        self._load = load
        self._looking = asyncio.Lock()
        self._standing: ModelStanding | None = None
        self._champion: InUse | None = None
        self._challenger: InUse | None = None
        self._refused = ""

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that would be asked now, champion first."""
        return tuple(model.version for model in (self._champion, self._challenger) if model)

    async def look(self) -> None:
        """Take up what is in use now; cheap if that is what was. Never an alert's concern.

        If the registry can't be asked, what scores goes on scoring, and the next look asks again.
        """
        async with self._looking:
            try:
                standing = await self._services.models.standing(self._model_id)
                if standing != self._standing:
                    await self._take_up(standing)
                    self._standing = standing
                await self._tell_if_expired()
            except AppError as error:
                log.warning("models_not_looked_at", error=error.user_text)

    async def _take_up(self, standing: ModelStanding) -> None:
        champion, refused = None, ""
        async for version in self._candidates(standing):
            champion, why = await self._in_use(version)
            refused = refused or why
            if champion is not None:
                break
        challenger = None
        if standing.ab and standing.challenger:
            challenger, _ = await self._in_use(standing.challenger)
        # All of it at once: no signal meets the new champion beside the old challenger.
        self._champion, self._challenger, self._refused = champion, challenger, refused
        log.info("models_in_use", champion=standing.champion, asked=self.versions)

    async def _candidates(self, standing: ModelStanding) -> AsyncIterator[str]:
        """Give the champion, then those before it; none from where there was no champion."""
        if not standing.champion:
            return
        yield standing.champion
        given = {standing.champion}
        for before in await self._services.models.history(self._model_id):
            if not before.champion:
                return
            if before.champion not in given:
                given.add(before.champion)
                yield before.champion

    async def _in_use(self, version: str) -> tuple[InUse | None, str]:
        """Return a version ready to score, or why it is refused; the owners are told of that."""
        for model in (self._champion, self._challenger):
            if model is not None and model.version == version:
                return model, ""
        try:
            stored = await self._services.models.get(self._model_id, version)
            scorer = await asyncio.to_thread(self._load, stored)
        except ModelRefusedError as error:
            log.error("model_refused", version=version, error=error.user_text)  # noqa: TRY400
            await tell_refused(self._model_id, version, error, self._services)
            return None, error.user_text
        return InUse(stored.manifest, scorer), ""

    async def _tell_if_expired(self) -> None:
        model, now = self._champion, self._services.clock()
        if model is not None and model.manifest.expired(now):
            await tell_expired(model.manifest, self._services)

    def score(self, features: Vector | None) -> Scored:
        """Return what the models say of a signal's features; None: they could not be worked out.

        Notes
        -----
        A challenger is asked after the champion has answered, and changes nothing of it. A model
        that fails gives NaN, which leaves the decision to a person.
        """
        champion = self._champion
        if champion is None:
            return Scored(note=self._refused)
        now = self._services.clock()
        if champion.manifest.expired(now):
            return Scored(note=expired_words(champion.manifest))
        if features is None:
            note = f"model {champion.version} gave no score: too few bars for its features"
            return Scored(math.nan, champion.version, note=note)
        score = _score(champion, features)
        if not math.isfinite(score):
            note = f"model {champion.version} gave no score"
            return Scored(math.nan, champion.version, note=note)
        scores = {champion.version: score}
        other = self._challenger
        if other is not None and not other.manifest.expired(now):
            second = _score(other, features)
            scores |= {other.version: second} if math.isfinite(second) else {}
        return Scored(score, champion.version, scores, _largest(champion, features))


def expired_words(manifest: ModelManifest) -> str:
    """Say since when a model is too old."""
    until = manifest.created_at + timedelta(days=manifest.expiry_days)
    return f"model {manifest.version} expired on {until:%Y-%m-%d}"


def _score(model: InUse, features: Vector) -> float:
    try:
        return model.scorer.score(features)
    except Exception:
        log.exception("not_scored", version=model.version)
        return math.nan


def _largest(model: InUse, features: Vector) -> dict[str, float]:
    """Return what moved a score most, largest first; empty if that can't be said."""
    try:
        added = model.scorer.contributions(features)
    except Exception:
        log.exception("contributions_missing", version=model.version)
        return {}
    ordered = sorted(added.items(), key=lambda item: -abs(item[1]))
    return {name: value for name, value in ordered[:CONTRIBUTIONS] if value}
