"""The task gpt_analysis: a backtest's figures and its equity picture, shown to the analyst."""

from typing import Any

from flows.analyst_opinion import Analysed, check_asked_for, opinion_on, picture_at
from flows.backtest_compute import Found, Tested
from flows.backtest_pictures import Pictures
from flows.backtest_steps import Ingested, Job, Processed, cost_model
from flows.tasks import SkipTaskError
from flows.weighing import written_down
from pipeline.analysis.backtest_question import backtest_question

NOT_ASKED = "not asked for (analyze_with_llm)"
NOTHING_TRADED = "there is no trade to judge"


async def gpt_analysis(
    job: Job,
    ingested: Ingested,
    processed: Processed,
    found: Found,
    tested: Tested,
    pictures: Pictures | None,
) -> Analysed:
    """Return the analyst's opinion, where it was asked for: it costs money.

    Raises
    ------
    SkipTaskError
        Not asked for, no analyst, or nothing to judge.
    AnalystRefusedError
        It didn't answer; its own retries are over, so the task is not tried again.
    """
    wanted = job.request.options.analyze_with_llm
    check_asked_for(job.services, wanted=wanted, unless=NOT_ASKED)
    if not tested.trades:
        raise SkipTaskError(NOTHING_TRADED)
    equity = pictures.equity if pictures else None
    question = backtest_question(
        _what(job, ingested),
        tested.metrics,
        robustness=tested.robustness,
        standing=await written_down(job, ingested, tested),
        qa=tested.qa,
        funnel=found.funnel,
        warnings=(*ingested.warnings, *processed.warnings),
        picture=await picture_at(equity.path if equity else None, job.services),
    )
    return await opinion_on(question, subject=job.run.run_id, run=job.run, services=job.services)


def _what(job: Job, ingested: Ingested) -> dict[str, Any]:
    request = job.request
    return {
        "setup": job.spec.setup_id,
        "title": job.spec.title,
        "description": job.spec.description.strip(),
        "version": job.spec.rule_version,
        "symbol": request.symbol,
        "timeframe": request.timeframe.value,
        "first_day": str(ingested.period_start),
        "last_day": str(ingested.period_end),
        "bars_are_synthetic": ingested.synthetic,
        "currency": job.instrument.currency,
        "costs": cost_model(job).model_dump(mode="json"),
        "fills": request.options.fill.value,
    }
