"""The analyst's opinion as a task of a run: when it is skipped, what its failure becomes."""

from flows.analyst_desk import NO_ANALYST, consult
from flows.backtest_compute import Frozen
from flows.services import Services
from flows.tasks import SkipTaskError
from pipeline.domain.analysis import Analysis, Question
from pipeline.domain.errors import AnalystDownError, AnalystRefusedError, AppError
from pipeline.domain.request import Run


class Analysed(Frozen):
    """Output of gpt_analysis."""

    analysis: Analysis


def check_asked_for(services: Services, *, wanted: bool, unless: str) -> None:
    """Raise SkipTaskError where no opinion is wanted (`unless` says so), or nobody is set up."""
    if not wanted:
        raise SkipTaskError(unless)
    if services.analyst is None:
        raise SkipTaskError(NO_ANALYST)


async def opinion_on(
    question: Question, *, subject: str, run: Run, services: Services
) -> Analysed:
    """Return the analyst's answer; the chat that asked for the run pays.

    Raises
    ------
    AnalystRefusedError
        It didn't answer; its own retries are over, so the task is not tried again.
    """
    try:
        analysis = await consult(
            question, subject=subject, chat_id=run.actor.chat_id, services=services
        )
    except AnalystDownError as error:
        raise AnalystRefusedError(error.user_text, **error.facts) from error
    return Analysed(analysis=analysis)


async def picture_at(path: str | None, services: Services) -> bytes | None:
    """Return a picture of the archive; without one the figures alone are shown."""
    if path is None:
        return None
    try:
        return await services.archive.get(path)
    except AppError:
        return None
