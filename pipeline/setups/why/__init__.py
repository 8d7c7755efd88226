"""Why a setup gave a signal or none: the engine's own walk, watched case by case."""

from pipeline.setups.why.days import explain_day
from pipeline.setups.why.model import CaseWhy, DayWhy, Gate, Miss, NearMisses, PeriodWhy
from pipeline.setups.why.moment import as_of
from pipeline.setups.why.period import explain_period
from pipeline.setups.why.relaxing import Ground

__all__ = [
    "CaseWhy", "DayWhy", "Gate", "Ground", "Miss", "NearMisses", "PeriodWhy", "as_of",
    "explain_day", "explain_period",
]  # fmt: skip
