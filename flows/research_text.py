"""The few words that sweeps write themselves: titles, commands, CSV tables."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flows.backtest_text import short_title
from pipeline.domain.report import Metrics
from pipeline.domain.research import Criterion, GridRequest, WalkForwardRequest
from pipeline.research.reports import BatchTest, VariantLine
from pipeline.research.walkforward import WindowResult

METRIC_COLUMNS = (
    "trades", "wins", "win_rate", "expectancy_r", "expectancy_se", "total_r", "profit_factor",
    "max_drawdown_r", "total_pnl", "costs", "total_r_worst", "total_r_best", "ambiguous",
)  # fmt: skip
CRITERIA = {
    Criterion.T: "mean R over its standard error (t)",
    Criterion.EXPECTANCY: "mean R",
    Criterion.TOTAL: "total R",
}


def sweep_title(request: GridRequest) -> str:
    """Return a run's title: what is varied, on what, when."""
    names = ", ".join(p.name for p in request.parameters)
    version = str(request.extra.get("rule_version", ""))
    what = short_title(request.backtest, version)
    return f"{what} · {names} · {request.start} – {request.end}"


def sweep_command(request: GridRequest, replaced: str = "", by: str = "") -> str:
    """Return the command that asks for a request, one of its `name=values` perhaps replaced."""
    words = [request.setup_id, request.symbol, request.timeframe.value]
    words.append(f"{request.start}..{request.end}")
    return " ".join([f"/{request.mode}", *words, *own_words(request, replaced, by)])


def own_words(request: GridRequest, replaced: str = "", by: str = "") -> list[str]:
    """Return the words of a request that a backtest doesn't have."""
    pairs = [f"{p.name}={p.values}" for p in request.parameters]
    words = [by if pair == replaced else pair for pair in pairs]
    if request.by is not Criterion.T:
        words.append(f"by={request.by.value}")
    if isinstance(request, WalkForwardRequest):
        lengths = (("in", request.inside), ("out", request.outside))
        words += [f"{word}={days}d" for word, days in lengths if days is not None]
    return words


def variants_csv(names: Sequence[str], lines: Iterable[VariantLine], plateau: set[int]) -> bytes:
    """Return one row for each variant (UTF-8, a header always), in the grid's order."""
    head = ["variant", *names, *METRIC_COLUMNS, "score", "region_score", "on_plateau", "error"]
    rows = (
        [
            line.index + 1,
            *(line.values[name] for name in names),
            *metric_cells(line.metrics),
            line.score,
            line.region_score,
            line.index in plateau,
            line.error,
        ]
        for line in lines
    )
    return table_csv(head, rows)


def windows_csv(names: Sequence[str], windows: Sequence[WindowResult],
                values: Mapping[int, Mapping[str, Any]]) -> bytes:  # fmt: skip
    """Return one row for each window of a walk-forward."""
    parts = ("trades", "total_r", "expectancy_r", "expectancy_se")
    head = ["start", "split", "end", *names, "usable", "region_score"]
    head += [f"{side}_{part}" for side in ("inside", "outside") for part in parts]
    rows: list[list[Any]] = []
    for result in windows:
        chosen = {} if result.chosen is None else values[result.chosen]
        row: list[Any] = [result.window.start, result.window.split, result.window.end]
        row += [chosen.get(name, "") for name in names]
        row += [result.usable, result.region_score]
        row += [getattr(f, p) for f in (result.inside, result.outside) for p in parts]
        rows.append(row)
    return table_csv(head, rows)


def batch_csv(tests: Sequence[BatchTest]) -> bytes:
    """Return one row for each test of a batch."""
    names = ("setup_id", "rule_version", "symbol", "timeframe", "start", "end")
    head = [*names, *METRIC_COLUMNS, "error"]
    rows = ([*(getattr(t, n) for n in names), *metric_cells(t.metrics), t.error] for t in tests)
    return table_csv(head, rows)


def metric_cells(figures: Metrics | None) -> list[Any]:
    """Return the columns of a variant's figures; empty where there are none."""
    if figures is None:
        return [""] * len(METRIC_COLUMNS)
    rate = figures.win_rate
    flat = {**figures.model_dump(include=set(METRIC_COLUMNS)), "win_rate": rate and rate.value}
    return [flat[name] for name in METRIC_COLUMNS]


def table_csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return a table as CSV; floats are rounded to what means something."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow([round(v, 6) if isinstance(v, float) else v for v in row])
    return text.getvalue().encode()
