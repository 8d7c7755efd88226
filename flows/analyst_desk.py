"""Consulting the analyst: what is kept, the budget, the breaker, the call, the checks, in turn."""

import time
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from flows.languages import language_of
from flows.services import Services
from pipeline.analysis.answers import held_against, read_answer
from pipeline.analysis.prices import cost_of, most_cost, output_limit
from pipeline.analysis.questions import image_hash, prompt_version, question_key, worded
from pipeline.domain.analysis import Analysis, Opinion, Purpose, Question, Reply
from pipeline.domain.errors import AnalystDownError, AnalystRefusedError
from storage.analyst_ports import Analyst
from storage.telemetry import get_logger

log = get_logger(__name__)
NO_ANALYST = (
    "No analyst is set up: OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own, gives one "
    "(docs/analyst.md)."
)


async def consult(
    question: Question,
    *,
    answer: type[BaseModel] = Opinion,
    subject: str,
    chat_id: int | None,
    services: Services,
    language: str | None = None,
) -> Analysis:
    """Return the analyst's answer: a kept one, or a new one after its checks.

    Parameters
    ----------
    question
        As `pipeline.analysis.questions.question_of` makes it, for the same `answer`.
    answer
        The form. An `Opinion` comes back as `opinion`; of every form `text` is its JSON, which
        `answer.model_validate_json` reads. All its text is plain, and sentences with numbers
        that are in no fact are left out; but a REQUEST's is as it came, for a parser to check.
    subject
        Run id, signal id or symbol that it is about.
    chat_id
        Whose budget pays; None: that of no chat, which has the same limit.
    language
        Code like "de"; None: `language_of` the chat.

    Raises
    ------
    AnalystRefusedError
        No analyst, no budget left, a wrong key, an answer that can't be used: in a kind line.
    AnalystDownError
        It doesn't answer, or didn't a moment ago and is left in peace for a while.
    """
    analyst = services.analyst
    if analyst is None:
        raise AnalystRefusedError(NO_ANALYST)
    tongue = language or await language_of(chat_id, services)
    limit = output_limit(analyst.model, question.most_tokens)
    sent = worded(question, tongue).model_copy(update={"most_tokens": limit})
    api = services.settings.analyst_api
    key = question_key(sent, model=analyst.model, api=api, language=tongue)
    async with services.analyst_state.alone_with(key):
        kept = await services.analyses.cached(key)
        if kept is not None:
            now = {"subject": subject, "chat_id": chat_id, "cached": True, "cost": 0.0}
            return kept.model_copy(update={**now, "seconds": 0.0})
        blank = Analysis(
            key=key, purpose=question.purpose, subject=subject, language=tongue,
            model=analyst.model, api=api, prompt=prompt_version(sent),
            image_sha256=image_hash(sent), chat_id=chat_id, at=services.clock(),
        )  # fmt: skip
        return await _asked(blank, question.facts, sent, answer, analyst, services)


async def _asked(
    blank: Analysis,
    facts: str,
    sent: Question,
    answer: type[BaseModel],
    analyst: Analyst,
    services: Services,
) -> Analysis:
    """Pay for the question, ask it, check the answer and keep it."""
    reservation = await _set_aside(sent, blank.chat_id, services)
    begun = time.perf_counter()
    reply = await _reply(sent, reservation, analyst, services)
    spent = {
        "model": reply.model, "usage": reply.usage,
        "cost": cost_of(reply.usage, services.settings.analyst_prices),
        "seconds": round(time.perf_counter() - begun, 3),
    }  # fmt: skip
    paid = blank.model_copy(update=spent)
    try:
        found = _checked(paid, reply, answer, facts)
    except AnalystRefusedError:
        await services.analyses.release(reservation, paid.cost)
        raise
    await services.analyses.keep(found, reservation)
    log.info(
        "analysis", purpose=found.purpose.value, subject=found.subject, model=found.model,
        input_tokens=found.usage.input_tokens, output_tokens=found.usage.output_tokens,
        cost=found.cost, s=found.seconds, dropped=len(found.dropped),
        request_id=reply.request_id,
    )  # fmt: skip
    return found


async def _set_aside(sent: Question, chat_id: int | None, services: Services) -> int:
    settings, now = services.settings, services.clock()
    cost = most_cost(sent, settings.analyst_prices)
    reservation = await services.analyses.reserve(
        chat_id, cost, limit=settings.analyst_budget, now=now
    )
    if reservation is None:
        spent = await services.analyses.spent(chat_id, now)
        raise AnalystRefusedError(
            f"Today's budget for the analyst is used up: ${spent:.2f} of "
            f"${settings.analyst_budget:g} (ANALYST_BUDGET). It begins anew at 00:00 UTC."
        )
    return reservation


async def _reply(sent: Question, reservation: int, analyst: Analyst, services: Services) -> Reply:
    """Ask, if the breaker lets us; what a call that failed was to cost is given back."""
    breaker = services.analyst_state.breaker
    if not breaker.admits(services.clock()):
        await services.analyses.release(reservation)
        raise AnalystDownError(_paused(services, services.clock()))
    try:
        reply = await analyst.ask(sent)
    except AnalystDownError as error:
        breaker.failed(services.clock())
        if not error.facts.get("asked"):  # a call without an end may have cost all of it
            await services.analyses.release(reservation)
        raise
    except AnalystRefusedError:
        breaker.worked()
        await services.analyses.release(reservation)
        raise
    except BaseException:
        breaker.unsaid()
        raise
    breaker.worked()
    return reply


def _paused(services: Services, now: datetime) -> str:
    left = services.analyst_state.breaker.left(now).total_seconds()
    return (
        "The analyst didn't answer several times in a row; it is asked again in "
        f"{max(round(left), 1)} s."
    )


def _checked(paid: Analysis, reply: Reply, answer: type[BaseModel], facts: str) -> Analysis:
    """Return the analysis with what is left of the answer after all checks."""
    if reply.status == "refused":
        raise AnalystRefusedError("The analyst declined to answer this.")
    if reply.status == "incomplete":
        raise AnalystRefusedError("The analyst's answer was cut short and can't be used.")
    read = read_answer(reply.text, answer)
    if read is None:
        raise AnalystRefusedError(
            "The analyst's answer doesn't have the form it should; ANALYST_MODEL may be too small."
        )
    kept: Any
    dropped: tuple[str, ...]
    if paid.purpose is Purpose.REQUEST:
        kept, dropped = read, ()
    else:
        kept, dropped = held_against(read, facts)
    if kept is None:
        raise AnalystRefusedError("Nothing of the analyst's answer stood up to the facts.")
    opinion = kept if isinstance(kept, Opinion) else None
    left = {"opinion": opinion, "text": kept.model_dump_json(), "dropped": dropped}
    return paid.model_copy(update=left)
