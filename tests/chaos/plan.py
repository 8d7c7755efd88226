"""What goes wrong in a round: drawn from a seed, so that a bad run can be run again."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal[
    "kill bot", "kill scanner", "kill standby", "kill redis", "kill prefect",
    "429", "502", "drop before", "drop after", "time-out",
]  # fmt: skip
KILLS: tuple[Kind, ...] = (
    "kill bot", "kill scanner", "kill standby", "kill redis", "kill prefect",
)  # fmt: skip
TELEGRAM: tuple[Kind, ...] = ("429", "502", "drop before", "drop after", "time-out")
WEIGHTS: dict[Kind, float] = {
    "kill bot": 4, "kill scanner": 4, "kill standby": 1, "kill redis": 3, "kill prefect": 1.5,
    "429": 2, "502": 2, "drop before": 2, "drop after": 2, "time-out": 1,
}  # fmt: skip
AFTER_CLOSE = 1.3  # seconds: a scan with its alerts is over by then
TWICE = 0.25


@dataclass(frozen=True)
class Strike:
    """One fault, `after` seconds behind the close (negative: before it)."""

    kind: Kind
    after: float
    times: int = 1


@dataclass(frozen=True)
class Round:
    """The faults of one round, and when and how somebody taps on an alert."""

    number: int
    strikes: tuple[Strike, ...]
    tap_after: float
    choice: Literal["Approve", "Reject"]


def draw(rng: np.random.Generator, number: int, without: frozenset[Kind] = frozenset()) -> Round:
    """Return a round: one fault, at times two at once."""
    kinds = [kind for kind in WEIGHTS if kind not in without]
    weights = np.array([WEIGHTS[kind] for kind in kinds])
    count = 2 if rng.random() < TWICE else 1
    chosen = rng.choice(len(kinds), size=count, replace=False, p=weights / weights.sum())
    strikes = tuple(
        Strike(kinds[k], float(rng.uniform(-0.2, AFTER_CLOSE)), int(rng.integers(1, 4)))
        for k in chosen
    )
    return Round(
        number,
        tuple(sorted(strikes, key=lambda strike: strike.after)),
        tap_after=float(rng.uniform(-0.5, AFTER_CLOSE)),
        choice="Approve" if rng.random() < 0.6 else "Reject",
    )
