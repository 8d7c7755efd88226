"""What is known of a model: its manifest, its figures, why it is in use or isn't, its card.

Scores are probabilities that a signal's target comes before its stop, 0–1, calibrated.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.report import Interval
from pipeline.domain.training import Hyperparams


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Calibrator(_Frozen):
    """Platt's: p = 1 / (1 + exp(a · raw + b)), raw being the trees' log-odds."""

    a: float = -1.0
    b: float = 0.0


class Window(_Frozen):
    """A stretch of time with the labelled signals known in it."""

    start: datetime
    end: datetime
    rows: int
    positives: int


class ModelMetrics(_Frozen):
    """A model's figures on rows it has not seen. None where one class is missing.

    Intervals hold the figure at 95 %, drawn by blocks of days. Accuracy, precision and recall are
    at `threshold`.
    """

    rows: int
    positives: int
    roc_auc: Interval | None
    log_loss: Interval | None
    brier: Interval | None
    accuracy: Interval | None = None
    precision: Interval | None = None
    recall: Interval | None = None
    threshold: float = 0.6


class GateCondition(_Frozen):
    """One thing that must hold before a model is promoted, with its figures."""

    name: str
    passed: bool
    value: float | None
    bound: float
    words: str = Field(description="one sentence with the figures, for people")


class GateVerdict(_Frozen):
    """Whether a model is really better, and than what."""

    promoted: bool
    against: str = Field(description="the champion's version; empty: chance and the base rate")
    conditions: tuple[GateCondition, ...]
    challenger: ModelMetrics
    champion: ModelMetrics | None = None
    notes: tuple[str, ...] = Field(default=(), description="on which rows it was judged, and why")

    @property
    def failed(self) -> tuple[GateCondition, ...]:
        """The conditions that do not hold."""
        return tuple(c for c in self.conditions if not c.passed)


class GoldenRow(_Frozen):
    """One input with the score it must give: what a loaded model is checked with."""

    features: tuple[float | None, ...]
    raw: float
    score: float


class Profile(_Frozen):
    """How one feature was spread over the training rows: what drift is measured from.

    A value belongs to the first bin whose edge is not below it; there is one bin more than edges.
    """

    feature: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int = Field(description="rows where it was not known; a bin of its own")


class ModelManifest(_Frozen):
    """All that is known of one version of a model; lies beside its trees as manifest.json."""

    model_id: str
    version: str = Field(description="v1.0, v2.0 …")
    created_at: datetime
    run_id: str = ""
    algorithm: str = "lightgbm"
    feature_version: str
    features: tuple[str, ...] = Field(description="in the order of the trees")
    dtypes: tuple[str, ...]
    data_fingerprint: str = Field(description="SHA-256 of the rows in their order")
    setups: tuple[str, ...]
    symbols: tuple[str, ...]
    training: Window
    holdout: Window
    hyperparams: Hyperparams
    calibrator: Calibrator
    threshold: float = 0.6
    base_rate: float = Field(description="share of positives in the training window")
    metrics: ModelMetrics = Field(description="on the last, untouched window")
    golden: tuple[GoldenRow, ...]
    profiles: tuple[Profile, ...] = ()
    expiry_days: int = Field(default=90, ge=1, description="not used when older than this")
    sha256: str = Field(default="", description="of the trees' text; set when it is kept")

    def expired(self, now: datetime) -> bool:
        """Whether the model is too old to be used at that moment."""
        return (now - self.created_at).total_seconds() > self.expiry_days * 86_400


class ModelVersion(_Frozen):
    """A version as the registry lists it."""

    model_id: str
    version: str
    created_at: datetime
    run_id: str
    verdict: GateVerdict | None
    path: str = Field(description="where it lies, relative to the models' folder")


class ModelStanding(_Frozen):
    """Which versions of a model are in use; empty: none.

    `previous` is what a roll back returns to. With `ab`, the challenger scores every live signal
    too; what is done follows the champion alone.
    """

    model_id: str
    champion: str = ""
    challenger: str = ""
    previous: str = ""
    ab: bool = False
    changed_at: datetime | None = None
    changed_by: str = ""


class ScoreShare(_Frozen):
    """What passing a threshold would have meant on rows the model has not seen."""

    threshold: float
    passed: int
    share: float
    promised: float | None = Field(description="mean score of those that pass")
    achieved: Interval | None = Field(description="share of them that reached the target")
    expectancy_r: float | None
    expectancy_all_r: float | None


class Slice(_Frozen):
    """A model's figures on one setup or symbol."""

    name: str
    rows: int
    positives: int
    roc_auc: float | None
    mean_score: float | None


class Drift(_Frozen):
    """How far a feature's distribution has moved since the champion's training."""

    feature: str
    psi: float
    limit: float = Field(description="what chance alone reaches once in twenty, for these n")


class ModelCard(_Frozen):
    """A model told to people: what it learnt from, how good it is, whether it is promoted."""

    manifest: ModelManifest
    verdict: GateVerdict | None
    sentence: str = Field(description="the verdict in one sentence")
    reliability: tuple[tuple[float, float, int], ...] = Field(
        default=(), description="(mean score, share that came true, rows) by bins of score"
    )
    histogram: tuple[tuple[float, float, int], ...] = Field(
        default=(), description="(from, to, rows): how many got such a score"
    )
    roc: tuple[tuple[float, float], ...] = Field(default=(), description="(false, true) rates")
    precision_recall: tuple[tuple[float, float], ...] = Field(
        default=(), description="(recall, precision)"
    )
    contributions: tuple[tuple[str, float], ...] = Field(
        default=(), description="(feature, mean absolute contribution in log-odds), largest first"
    )
    by_setup: tuple[Slice, ...] = ()
    by_symbol: tuple[Slice, ...] = ()
    passing: ScoreShare | None = None
    break_even: float | None = Field(
        default=None, description="the score at which a signal earns nothing, by mean win and loss"
    )
    drift: tuple[Drift, ...] = ()
    notes: tuple[str, ...] = ()
