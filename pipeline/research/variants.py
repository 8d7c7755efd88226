"""Some variants of a grid, tested one after the other on one ground."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.backtest.metrics import metrics
from pipeline.domain.errors import AppError
from pipeline.domain.trial import Trial
from pipeline.research.evaluate import Evaluator
from pipeline.research.grid import Grid
from pipeline.research.results import TradeTable, VariantResult
from pipeline.research.template import Template
from pipeline.setups.rules import SetupSpec

Tell = Callable[[SetupSpec, np.ndarray], Trial]
"""A variant's rules and its trades' R to its line in the trial ledger."""


@dataclass(frozen=True)
class Chunk:
    """What some variants gave. Variants that could not be tested are no trials."""

    results: tuple[VariantResult, ...]
    trades: TradeTable
    trials: tuple[Trial, ...]


def run_variants(
    evaluator: Evaluator, template: Template, grid: Grid, indices: Sequence[int], tell: Tell
) -> Chunk:
    """Test some variants of a grid; one that can't be tested is listed with its reason."""
    results, tables, trials = [], [], []
    for index in indices:
        try:
            spec = grid.spec(template, index)
            outcome = evaluator.run(spec)
        except AppError as error:
            results.append(VariantResult(index=index, error=error.user_text))
            continue
        except Exception as error:  # noqa: BLE001  (one variant must not stop the rest)
            why = f"failed unexpectedly: {type(error).__name__}: {error}"
            results.append(VariantResult(index=index, error=why[:300]))
            continue
        figures = metrics(outcome.trades)
        results.append(VariantResult(index=index, metrics=figures, missed=len(outcome.missed)))
        table = TradeTable.of(index, outcome.plans, outcome.trades)
        tables.append(table)
        trials.append(tell(spec, table.rr))
    return Chunk(tuple(results), TradeTable.joined(tables), tuple(trials))
