"""Past cases of a setup, each with how it ended: whole, as a frame that is kept, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from pipeline.domain.signal import Confluence, Signal
from pipeline.domain.trade import ExitReason, Plan, Trade

KNOWN, RESOLVED, SIDE, SHARE, MET = "known_at", "resolved_at", "side", "share", "met"
REACHED, RR, CASE = "reached", "rr", "case"
JUDGED = [KNOWN, RESOLVED, SIDE, SHARE, MET, REACHED, RR]
"""The columns that judge; `case` holds the whole case as JSON."""


class PastCase(BaseModel):
    """One signal of the past that was filled and has ended.

    `resolved_at` is a close by which its end was known, at most a bar later than it was.
    """

    model_config = ConfigDict(frozen=True)

    signal: Signal
    plan: Plan
    trade: Trade
    resolved_at: datetime

    @property
    def reached(self) -> bool:
        """Whether the last target was reached."""
        return self.trade.exit_reason is ExitReason.TP


def share_of(confluences: Sequence[Confluence]) -> float:
    """Return the met share of all weights: the rules' confidence, before the data's quality."""
    weights = sum(c.weight for c in confluences)
    return sum(c.weight for c in confluences if c.met) / weights if weights else 1.0


def met_words(confluences: Sequence[Confluence]) -> str:
    """Return the names of the met confluences as one word, whatever their order."""
    return "|".join(sorted(c.name for c in confluences if c.met))


def frame_of_cases(cases: Sequence[PastCase]) -> pd.DataFrame:
    """Return cases as a frame that can be kept: the columns that judge, and the whole as JSON."""
    known = pd.to_datetime([c.signal.known_at for c in cases], utc=True)
    ended = pd.to_datetime([c.resolved_at for c in cases], utc=True)
    return pd.DataFrame(
        {
            KNOWN: known.as_unit("us"),
            RESOLVED: ended.as_unit("us"),
            SIDE: np.array([c.signal.side.sign for c in cases], dtype="int8"),
            SHARE: np.array([share_of(c.signal.confluences) for c in cases], dtype="float64"),
            MET: [met_words(c.signal.confluences) for c in cases],
            REACHED: np.array([c.reached for c in cases], dtype="bool"),
            RR: np.array([c.trade.rr for c in cases], dtype="float64"),
            CASE: [c.model_dump_json(exclude={"signal": {"meta"}}) for c in cases],
        }
    )


@dataclass(frozen=True)
class CaseTable:
    """The columns that judge, as arrays: some dozen bytes a case. Times are µs since 1970."""

    known: np.ndarray
    resolved: np.ndarray
    side: np.ndarray
    share: np.ndarray
    met: np.ndarray
    met_names: tuple[str, ...]
    reached: np.ndarray
    rr: np.ndarray

    def __len__(self) -> int:
        return len(self.known)


def table_of(frame: pd.DataFrame) -> CaseTable:
    """Return the table of a kept frame; its column `case` may be absent."""
    codes, names = pd.factorize(frame[MET])
    return CaseTable(
        known=_micros(frame[KNOWN]),
        resolved=_micros(frame[RESOLVED]),
        side=frame[SIDE].to_numpy(dtype="int8"),
        share=frame[SHARE].to_numpy(dtype="float64"),
        met=codes.astype("int16"),
        met_names=tuple(str(name) for name in names),
        reached=frame[REACHED].to_numpy(dtype="bool"),
        rr=frame[RR].to_numpy(dtype="float64"),
    )


def cases_in(frame: pd.DataFrame, before: datetime) -> list[PastCase]:
    """Return the whole cases of a kept frame that had ended by a moment."""
    ended = _micros(frame[RESOLVED]) <= micros(before)
    return [PastCase.model_validate_json(text) for text in frame[CASE][ended]]


def micros(moment: datetime) -> int:
    """Return a moment as microseconds since 1970."""
    return round(moment.astimezone(UTC).timestamp() * 1_000_000)


def _micros(times: pd.Series) -> np.ndarray:
    return np.asarray(times.to_numpy(dtype="datetime64[us]").view("int64"))
