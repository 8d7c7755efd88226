"""Gathering the kept runs of a setup that the rule profiler looks at."""

from collections.abc import Sequence

from flows.kept_results import trades_of
from flows.profile_compute import KeptRun
from flows.research_job import template_of
from flows.services import Services
from pipeline.domain.errors import AppError, DataError
from pipeline.domain.request import Run, RunStatus
from pipeline.domain.trial import Trial
from pipeline.research.template import Template

FLOWS = frozenset({"backtest_flow", "sweep_flow", "walkforward_flow"})
MOST_RUNS = 300
"""The newest so many are looked at."""
_PAGE = 200


async def gathered(setup_id: str, symbol: str | None, services: Services) -> list[KeptRun]:
    """Return the setup's finished runs with what is kept of their trades, newest first.

    A run that was cut short by `max_trades` is left out: its end hangs on its result. So is one
    whose version of the rules is not kept any more.
    """
    found: list[KeptRun] = []
    templates: dict[str, Template | None] = {}
    for run in await finished(setup_id, symbol, services):
        version = str(run.report["rule_version"])
        if version not in templates:
            templates[version] = await _template(setup_id, version, services)
        template = templates[version]
        if template is not None:
            found.append(KeptRun(run.run_id, run.report, template, await _trades(run, services)))
    return found


async def finished(setup_id: str, symbol: str | None, services: Services) -> list[Run]:
    """Return the setup's completed tests, newest first, as many as are looked at."""
    found: list[Run] = []
    before: str | None = None
    while len(found) < MOST_RUNS:
        page = await services.runs.newest(_PAGE, status=RunStatus.COMPLETED, before=before)
        found += [run for run in page if _fits(run, setup_id, symbol)]
        if len(page) < _PAGE:
            break
        before = page[-1].run_id
    return found[:MOST_RUNS]


def _fits(run: Run, setup_id: str, symbol: str | None) -> bool:
    report = run.report
    if run.flow_type not in FLOWS or not report or report.get("setup_id") != setup_id:
        return False
    cut = report["request"].get("options", {}).get("max_trades")
    return cut is None and symbol in (None, report["symbol"])


async def _template(setup_id: str, version: str, services: Services) -> Template | None:
    try:
        return await template_of(setup_id, version, services)
    except AppError:
        return None


async def _trades(run: Run, services: Services) -> bytes | None:
    """Return the kept trades; None where there are only summaries, or they are lost."""
    files = run.report.get("artifacts", {})
    try:
        if run.flow_type == "backtest_flow":
            return await services.archive.get(trades_of(run))
        if "variant_trades" not in files:
            return None
        return await services.archive.get(files["variant_trades"].removeprefix("archive/"))
    except (DataError, KeyError):
        return None


async def tries(setup_id: str, runs: Sequence[KeptRun], services: Services) -> list[Trial]:
    """Return the ledger's tries of all symbols in `runs`, real and SYNTHETIC."""
    ideas = {(str(r.report["symbol"]), bool(r.report.get("synthetic", False))) for r in runs}
    found: list[Trial] = []
    for symbol, synthetic in sorted(ideas):
        found += await services.trials.of_idea(setup_id, symbol, synthetic=synthetic)
    return found
