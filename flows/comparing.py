"""Two finished backtests compared, from what the archive keeps of them."""

from flows.compared import SEED, Compared, compare_kept_runs
from flows.control import find_run
from flows.kept_results import read_kept, trades_of
from flows.services import Services
from pipeline.domain.comparison import RunFacts
from pipeline.domain.errors import BadRequestError, UnknownSetupError
from pipeline.domain.request import Run, RunStatus
from pipeline.setups.rules import FieldChange, difference

__all__ = ["SEED", "Compared", "compare_kept", "compare_runs", "facts_of"]


async def compare_runs(one_id: str, two_id: str, services: Services) -> Compared:
    """Compare two backtests; the differences are the second's less the first's.

    Raises
    ------
    BadRequestError
        One of them doesn't exist or isn't a finished backtest, or both are the same.
    DataError
        The archive has lost the trades of one.
    """
    if one_id == two_id:
        raise BadRequestError(
            f"{one_id} compared with itself shows nothing; name two runs.",
            field="run_id", value=two_id,
        )  # fmt: skip
    one, two = [await _finished(run_id, services) for run_id in (one_id, two_id)]
    kept = [await services.archive.get(trades_of(run)) for run in (one, two)]
    rules = await _rule_changes(one, two, services)
    theme = services.settings.chart_theme
    facts = facts_of(one), facts_of(two)
    return await services.cpu.run(compare_kept, facts, (kept[0], kept[1]), rules, theme=theme)


async def _finished(run_id: str, services: Services) -> Run:
    """Return the run if it is a backtest that has ended with a result."""
    run = await find_run(run_id, services)
    if run.flow_type != "backtest_flow":
        raise BadRequestError(
            f"{run_id} is no backtest; only backtests can be compared.",
            field="run_id", value=run_id,
        )  # fmt: skip
    if run.status is not RunStatus.COMPLETED or not run.report:
        raise BadRequestError(
            f"{run_id} is {run.status.value}; only finished backtests can be compared.",
            field="run_id", value=run_id,
        )  # fmt: skip
    return run


def facts_of(run: Run) -> RunFacts:
    """Return what a finished backtest tested and rests on."""
    report = run.report
    return RunFacts(
        run_id=run.run_id,
        setup_id=report["setup_id"],
        rule_version=report["rule_version"],
        symbol=report["symbol"],
        timeframe=report["timeframe"],
        start=report["period_start"],
        end=report["period_end"],
        synthetic=report.get("synthetic", False),
        options=report["request"].get("options", {}),
        provenance=report.get("provenance", {}),
    )


async def _rule_changes(one: Run, two: Run, services: Services) -> tuple[FieldChange, ...]:
    """Return what changes between two versions of one setup, where both are still held."""
    setup_id = one.report["setup_id"]
    versions = [run.report["rule_version"] for run in (one, two)]
    if two.report["setup_id"] != setup_id or versions[0] == versions[1]:
        return ()
    try:
        old, new = [await services.setups.get(setup_id, version) for version in versions]
    except UnknownSetupError:
        return ()
    return difference(old, new)


def compare_kept(
    facts: tuple[RunFacts, RunFacts],
    kept: tuple[bytes, bytes],
    rules: tuple[FieldChange, ...],
    *,
    theme: str,
) -> Compared:
    """Compare and draw what was kept of two runs; in a computing process."""
    one, two = (read_kept(*pair) for pair in zip(facts, kept, strict=True))
    return compare_kept_runs((one, two), rules, theme=theme)
