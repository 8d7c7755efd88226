"""What is counted and measured: each metric by name, told to Prometheus where that is set.

A metric that is off costs one look at a field. Names follow Prometheus' conventions (base units,
`_total` for counters), labels come from closed sets: kinds, states, symbols of the table.
"""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

MOST_SERIES: Final = 200
"""Of one metric; what comes beyond is counted under the label value `OTHER`."""
OTHER: Final = "other"
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LONG_SECONDS: Final = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 10_800)
SCORES: Final = tuple(round(0.05 * step, 2) for step in range(1, 21))


@dataclass
class _Metric:
    """A metric's name, what it tells, and what tells it apart."""

    name: str
    words: str
    labels: tuple[str, ...] = ()
    buckets: Sequence[float] = ()
    _real: Any = field(default=None, repr=False)
    _seen: set[tuple[str, ...]] = field(default_factory=set, repr=False)

    kind = ""

    def _series(self, labels: dict[str, str]) -> Any:
        """Return the series of these labels, or that of all others once there are too many."""
        if not self.labels:
            return self._real
        values = tuple(labels[name] for name in self.labels)
        if values not in self._seen:
            if len(self._seen) >= MOST_SERIES:
                values = tuple(OTHER for _ in values)
            self._seen.add(values)
        return self._real.labels(*values)


class Counter(_Metric):
    """What only grows."""

    kind = "counter"

    def add(self, amount: float = 1, **labels: str) -> None:
        """Count up."""
        if self._real is not None:
            self._series(labels).inc(amount)


class Gauge(_Metric):
    """What stands somewhere now."""

    kind = "gauge"

    def set(self, value: float, **labels: str) -> None:
        """Say where it stands."""
        if self._real is not None:
            self._series(labels).set(value)


class Histogram(_Metric):
    """How often it was how much."""

    kind = "histogram"

    def observe(self, value: float, **labels: str) -> None:
        """Count one value."""
        if self._real is not None:
            self._series(labels).observe(value)


METRICS: Final[list[_Metric]] = []
M = TypeVar("M", bound=_Metric)


def _known(metric: M) -> M:
    METRICS.append(metric)
    return metric


PROCESS = _known(Gauge("scout_process_info", "A process and its version", ("process", "version")))
ERRORS = _known(Counter(
    "scout_errors_total", "Lines logged as errors, by the class of what was raised", ("kind",),
))  # fmt: skip
SCAN_SECONDS = _known(Histogram(
    "scout_scan_seconds", "A live scan of all symbols, by the longest timeframe that closed",
    ("timeframe",), SECONDS,
))  # fmt: skip
SCAN_STEP_SECONDS = _known(Histogram(
    "scout_scan_step_seconds", "From a scan's begin to a step's end", ("step",), SECONDS
))  # fmt: skip
SCANS = _known(Counter("scout_scans_total", "Live scans, by how they went", ("result",)))
FEED_LAG = _known(Gauge(
    "scout_feed_lag_seconds", "How long ago a symbol's newest bar closed, at the last scan",
    ("symbol",),
))  # fmt: skip
SIGNALS = _known(Counter("scout_signals_total", "New live signals, by decision", ("decision",)))
SUPPRESSED = _known(Counter(
    "scout_cooldown_suppressed_total", "Live signals kept silent by a cooldown"
))  # fmt: skip
SCORE = _known(Histogram(
    "scout_model_score", "Scores given to live signals, by the model's role", ("role",), SCORES
))  # fmt: skip
ALERT_SECONDS = _known(Histogram(
    "scout_alert_latency_seconds", "From a bar's close to Telegram's acceptance of its alert",
    (), (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300),
))  # fmt: skip
DELIVERIES = _known(Counter(
    "scout_deliveries_total", "Attempts to deliver what chats are owed", ("kind", "result")
))  # fmt: skip
TOO_MANY = _known(Counter(
    "scout_telegram_too_many_requests_total", "Requests that Telegram refused with 429"
))  # fmt: skip
OWED = _known(Gauge("scout_outbox_owed", "Deliveries that chats are owed"))
OWED_SECONDS = _known(Gauge(
    "scout_outbox_oldest_seconds", "Since when the oldest delivery never sent is owed"
))  # fmt: skip
RUNS = _known(Counter(
    "scout_runs_total", "Runs that ended or went back to the queue", ("flow_type", "status")
))  # fmt: skip
RUN_SECONDS = _known(Histogram(
    "scout_run_seconds", "One attempt of a run, from its start to its end", ("flow_type",),
    LONG_SECONDS,
))  # fmt: skip
QUEUED = _known(Gauge("scout_runs_queued", "Runs that wait, by priority", ("priority",)))
RUNNING = _known(Gauge("scout_runs_running", "Runs that are executed"))
HEALTH = _known(Gauge(
    "scout_health_light", "How a part stands: 0 green, 1 amber, 2 red", ("part",)
))  # fmt: skip


def turn_on(process: str, version: str) -> "CollectorRegistry":
    """Begin to keep all metrics in this process; return where they are kept.

    Processes that only compute are never turned on: their parent counts what they do.
    """
    import prometheus_client as prometheus  # noqa: PLC0415  (nobody pays for it where it is off)

    registry = prometheus.CollectorRegistry()
    prometheus.ProcessCollector(registry=registry)
    kinds: dict[str, Any] = {"counter": prometheus.Counter, "gauge": prometheus.Gauge}
    for metric in METRICS:
        metric._seen.clear()  # noqa: SLF001  (this module's own)
        if metric.kind == "histogram":
            metric._real = prometheus.Histogram(  # noqa: SLF001
                metric.name, metric.words, metric.labels, buckets=metric.buckets, registry=registry
            )
        else:
            metric._real = kinds[metric.kind](  # noqa: SLF001
                metric.name, metric.words, metric.labels, registry=registry
            )
    PROCESS.set(1, process=process, version=version)
    os.register_at_fork(after_in_child=turn_off)
    return registry


def turn_off() -> None:
    """Forget all that is kept."""
    for metric in METRICS:
        metric._real = None  # noqa: SLF001  (this module's own)


def are_on() -> bool:
    """Tell whether anything is kept in this process."""
    return PROCESS._real is not None  # noqa: SLF001  (this module's own)


class ErrorCounter(logging.Handler):
    """Counts the lines logged as errors, by what was raised or by the field `error_kind`."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)

    def emit(self, record: logging.LogRecord) -> None:
        """Count one."""
        words: Mapping[str, Any] = record.msg if isinstance(record.msg, dict) else {}
        info = words.get("exc_info") or record.exc_info
        error = info if isinstance(info, BaseException) else None
        if info is True:
            error = sys.exc_info()[1]
        elif isinstance(info, tuple):
            error = info[1]
        kind = words.get("error_kind") or (type(error).__name__ if error else "none")
        ERRORS.add(kind=str(kind))
