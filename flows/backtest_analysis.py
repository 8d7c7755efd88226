"""The task gpt_analysis: a backtest's figures and its equity picture, shown to the analyst."""

from typing import Any

from flows.analyst_desk import NO_ANALYST, consult
from flows.backtest_compute import Found, Frozen, Tested
from flows.backtest_pictures import Pictures
from flows.backtest_steps import Ingested, Job, Processed, cost_model
from flows.tasks import SkipTaskError
from flows.weighing import written_down
from pipeline.analysis.backtest_question import backtest_question
from pipeline.domain.analysis import Analysis
from pipeline.domain.errors import AnalystDownError, AnalystRefusedError, AppError

NOT_ASKED = "not asked for (analyze_with_llm)"
NOTHING_TRADED = "there is no trade to judge"


class Analysed(Frozen):
    """Output of gpt_analysis."""

    analysis: Analysis


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
    if not job.request.options.analyze_with_llm:
        raise SkipTaskError(NOT_ASKED)
    if job.services.analyst is None:
        raise SkipTaskError(NO_ANALYST)
    if not tested.trades:
        raise SkipTaskError(NOTHING_TRADED)
    question = backtest_question(
        _what(job, ingested),
        tested.metrics,
        robustness=tested.robustness,
        standing=await written_down(job, ingested, tested),
        qa=tested.qa,
        funnel=found.funnel,
        warnings=(*ingested.warnings, *processed.warnings),
        picture=await _picture(job, pictures),
    )
    try:
        analysis = await consult(
            question, subject=job.run.run_id, chat_id=job.run.actor.chat_id, services=job.services
        )
    except AnalystDownError as error:
        raise AnalystRefusedError(error.user_text, **error.facts) from error
    return Analysed(analysis=analysis)


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


async def _picture(job: Job, pictures: Pictures | None) -> bytes | None:
    """Return the equity picture; without one the figures alone are shown."""
    if pictures is None or pictures.equity is None:
        return None
    try:
        return await job.services.archive.get(pictures.equity.path)
    except AppError:
        return None
