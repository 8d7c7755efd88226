"""The ports of training: labelled signals, and the models learnt from them.

As in `storage.ports`: vendors' errors are mapped to ours, `now` comes from the caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pipeline.domain.label import Label
from pipeline.domain.market import Timeframe
from pipeline.domain.model import GateVerdict, ModelManifest, ModelStanding, ModelVersion
from pipeline.domain.training import TrainingData


@dataclass(frozen=True)
class LabelScope:
    """What a set of labels covers: a setup's signals known in [start, end)."""

    setup_id: str
    symbol: str
    tf: Timeframe
    start: datetime
    end: datetime


@dataclass(frozen=True)
class LabelChanges:
    """How many rows a set added, changed and took away."""

    added: int
    updated: int
    removed: int


class LabelStore(Protocol):
    """`labeled_trades`: one row per source and signal."""

    async def put_set(
        self, rows: Sequence[Label], scope: LabelScope, run_id: str, now: datetime
    ) -> LabelChanges:
        """Make the backtest's rows of a scope these, in one transaction.

        Rows have source BACKTEST and as `signal_id` their natural key, so that a later run over
        the same signals updates them; what people decided is kept. Rows of the scope that the
        set lacks are removed.

        Raises
        ------
        ValueError
            A row is not the backtest's, or not of the scope.
        """
        ...

    async def put(self, rows: Sequence[Label], now: datetime) -> LabelChanges:
        """Add rows or replace those of the same source and signal, all or nothing.

        What people decided stays where the new row says nothing of it. Of several rows of the
        same signal the last counts.
        """
        ...

    async def select(self, wanted: TrainingData) -> list[Label]:
        """Return the rows with a label that are wanted, by (known_at, source, signal_id).

        Of the days wanted both count whole, in UTC, by the close a signal was known at.
        """
        ...

    async def count(self) -> dict[str, int]:
        """Return how many labelled rows each setup has; setups without any are left out."""
        ...


@dataclass(frozen=True)
class StoredModel:
    """A model whose trees are what they were when it was kept."""

    manifest: ModelManifest
    trees: str


class ModelRegistry(Protocol):
    """Versions of models in files, and which of them are in use in the database."""

    async def next_version(self, model_id: str) -> str:
        """Return the version that a new model gets: v1.0, v2.0 …; never one given before.

        Ids are small letters, digits and _, at most 64; others are a ValueError. A number is
        spent whether or not a model is kept under it.
        """
        ...

    async def put(
        self, model: StoredModel, verdict: GateVerdict | None, now: datetime
    ) -> ModelVersion:
        """Keep a version: files under a temporary name, renamed when whole, then its row.

        The same model again changes nothing, so a failed step may try again.

        Raises
        ------
        StoreDownError
            It can't be written; nothing of it is left.
        ValueError
            The version was given to another model, or the manifest has figures that are none.
        """
        ...

    async def get(self, model_id: str, version: str) -> StoredModel:
        """Return a version after its hash was found to be right.

        Raises
        ------
        ModelRefusedError
            It is missing, damaged, foreign or of another schema; the text says which, and the
            fact `refusal` in one word: missing, damaged, foreign, schema.
        """
        ...

    async def versions(self, model_id: str) -> list[ModelVersion]:
        """Return all versions, newest first."""
        ...

    async def models(self) -> list[str]:
        """Return the ids of all models."""
        ...

    async def standing(self, model_id: str) -> ModelStanding:
        """Return which versions are in use."""
        ...

    async def change(self, standing: ModelStanding, expected: ModelStanding) -> bool:
        """Put a standing in the place of the one that was read; False: it was changed meanwhile.

        One transaction, and the change is kept as history. It has a time (`changed_at`).

        Raises
        ------
        ModelRefusedError
            A version that it names is not kept.
        """
        ...

    async def history(self, model_id: str) -> list[ModelStanding]:
        """Return the standings a model had, newest first."""
        ...

    async def removable(self, model_id: str, count: int) -> list[str]:
        """Return which versions `keep_last` would remove."""
        ...

    async def keep_last(self, model_id: str, count: int, now: datetime) -> list[str]:
        """Remove the files and rows of all but the newest `count`; return which versions.

        The champion, the challenger, what a roll back returns to and every version that ever was
        champion stay.
        """
        ...
