"""What training is asked for: labels of past signals, a model."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.market import Timeframe
from pipeline.domain.request import Mode

SIGNAL_CLASSIFIER = "signal_classifier"
"""The model that scores live signals."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrainingData(_Frozen):
    """Which labelled signals are learnt from; empty tuples mean all.

    `query` is kept for scripts (contract section 4): only selections of `labeled_trades` that the
    other fields can say are understood, and they are taken over into them.
    """

    source: Literal["database"] = "database"
    query: str = "SELECT * FROM labeled_trades WHERE label IS NOT NULL"
    min_samples: int = Field(default=500, ge=50, le=1_000_000)
    setups: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    timeframes: tuple[Timeframe, ...] = ()
    start: date | None = None
    end: date | None = None


class Hyperparams(_Frozen):
    """How the trees are grown; a search may choose others inside the training windows."""

    algorithm: Literal["lightgbm"] = "lightgbm"
    n_estimators: int = Field(default=100, ge=5, le=5000)
    max_depth: int = Field(default=5, ge=1, le=16)
    learning_rate: float = Field(default=0.05, gt=0, le=1)
    min_child_samples: int = Field(default=30, ge=1, le=10_000)
    feature_fraction: float = Field(default=0.8, gt=0, le=1)
    lambda_l2: float = Field(default=1.0, ge=0, le=1000)
    cross_validation_folds: int = Field(default=5, ge=2, le=20)
    search_trials: int = Field(default=0, ge=0, le=500, description="0: no search")
    seed: int = Field(default=1, ge=0, le=2**31 - 1)


class TrainRequest(_Frozen):
    """A validated request to train a model (contract section 4)."""

    mode: Literal[Mode.TRAIN] = Mode.TRAIN
    trigger: Literal["scheduled_weekly", "manual"] = "manual"
    model_type: str = SIGNAL_CLASSIFIER
    training_data: TrainingData = TrainingData()
    hyperparams: Hyperparams = Hyperparams()
    schedule: str = "weekly_sunday_03:00"
    dry_run: bool = False
    extra: dict[str, Any] = Field(default_factory=dict)


ALL_SETUPS = "all"
"""As the setup of a `LabelRequest`: every active one."""


class LabelRequest(_Frozen):
    """A validated request to label a setup's past signals; whole UTC days, both included.

    With ALL_SETUPS, `timeframe` None is each setup's own.
    """

    mode: Literal["label"] = "label"
    symbol: str
    timeframe: Timeframe | None
    start: date
    end: date
    setup_id: str
    extra: dict[str, Any] = Field(default_factory=dict)
