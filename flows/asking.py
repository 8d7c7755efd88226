"""Questions over one backtest's own trades: translated to typed queries, computed by our code."""

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flows.analyst_desk import consult
from flows.control import find_run
from flows.services import Services
from pipeline.analysis.run_question import Worded, translation_question, wording_question
from pipeline.analysis.trade_answer import GroupFigures, TradeTable, answer_query, read_trades
from pipeline.analysis.trade_query import TradeQuestions
from pipeline.analysis.trade_questions import FORMS, read_question
from pipeline.analysis.trade_words import table_lines
from pipeline.domain.errors import AnalystDownError, AnalystRefusedError, BadRequestError
from pipeline.domain.request import Run, RunStatus
from storage.telemetry import get_logger

if TYPE_CHECKING:
    from pipeline.render.canvas import Picture

log = get_logger(__name__)
PICTURE_FROM = 9
"""Answers of so many groups come with a picture."""
LONGEST = 500
EXAMPLES = ("/ask bt_2025_10_31_001 by weekday", "/ask bt_2025_10_31_001 лучшие часы")
_RUN_ID = re.compile(r"\b(?:bt|live|train|run)_\d{4}_\d{2}_\d{2}_\d{3,}\b")


@dataclass(frozen=True)
class Asked:
    """An answer: the tables that were computed, where trades were lost, words, a picture.

    `notes` say what was not understood, and why the analyst said nothing where it was asked.
    """

    run: Run
    question: str
    tables: tuple[TradeTable, ...] = ()
    funnel: tuple[str, ...] = ()
    worded: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()
    png: bytes | None = None


async def ask(text: str, services: Services, chat_id: int | None = None) -> Asked:
    """Answer a question that names its run.

    Parameters
    ----------
    text
        A run's id and a question; the id may stand anywhere.
    chat_id
        Whose budget pays for the analyst.

    Raises
    ------
    BadRequestError
        No run or no question is named, the run is no finished backtest, or the question can't be
        read; with the forms that work.
    DataError
        The archive has lost the trades.
    """
    found = _RUN_ID.search(text)
    question = " ".join(text.replace(found[0] if found else "", " ").split())
    if found is None:
        raise BadRequestError(
            f"Which run? For example: {EXAMPLES[0]}", field="run_id", closest=EXAMPLES
        )
    run = await _finished(found[0], services)
    if not question:
        raise BadRequestError(
            f"What about {run.run_id}? These work: {', '.join(FORMS)}.", field="question",
            closest=tuple(f"/ask {run.run_id} {form}" for form in FORMS[:4]),
        )  # fmt: skip
    if len(question) > LONGEST:
        raise BadRequestError(
            f"A question has {LONGEST} characters at most, not {len(question)}.",
            field="question", value=question[:40], closest=(question[:40],),
        )  # fmt: skip
    asked, notes, translated = await _understood(question, run, services, chat_id)
    answer = await _computed(question, asked, run, services)
    answer = await _pictured(answer, services)
    if translated and answer.tables:
        return await _in_words(answer, notes, services, chat_id)
    return _with(answer, notes)


async def _finished(run_id: str, services: Services) -> Run:
    """Return the run if it is a backtest that has ended with a result."""
    run = await find_run(run_id, services)
    if run.flow_type != "backtest_flow" or run.status is not RunStatus.COMPLETED:
        kind = "no backtest" if run.flow_type != "backtest_flow" else run.status.value
        raise BadRequestError(
            f"{run_id} is {kind}; questions are answered over finished backtests.",
            field="run_id", value=run_id,
        )  # fmt: skip
    return run


async def _understood(
    question: str, run: Run, services: Services, chat_id: int | None
) -> tuple[TradeQuestions, list[str], bool]:
    """Return what is asked, notes, and whether the analyst translated it.

    1. The rules understand every word: the analyst is not asked.
    2. They don't, and there is an analyst: it translates.
    3. It doesn't answer, or there is none: what the rules understood, with what they did not.
    4. They understood nothing: refused, with the forms that work.
    """
    read = read_question(question)
    if not read.empty and not read.unread:
        return read.asked, [], False
    notes: list[str] = []
    if services.analyst is not None:
        try:
            asked = await _translated(question, run, services, chat_id)
        except (AnalystRefusedError, AnalystDownError) as error:
            notes.append(f"The analyst was not of help: {error.user_text}")
        else:
            if asked.queries or asked.funnel:
                return asked, notes, True
            notes.append("The analyst found no question about these trades in it.")
    if read.empty:
        said = f"I can't read that as a question about the trades of {run.run_id}."
        raise BadRequestError(
            " ".join([*notes, said, f"These work: {', '.join(FORMS)}."]),
            field="question", value=question[:80],
            closest=tuple(f"/ask {run.run_id} {form}" for form in FORMS[:4]),
        )  # fmt: skip
    return read.asked, [*notes, f"Not understood: {' '.join(read.unread)}"], False


async def _translated(
    question: str, run: Run, services: Services, chat_id: int | None
) -> TradeQuestions:
    report = run.report
    names = ("setup_id", "symbol", "timeframe", "period_start", "period_end")
    what = {**{name: report[name] for name in names}, "reader_zone": services.settings.timezone}
    said = await consult(
        translation_question(question, what), answer=TradeQuestions, subject=run.run_id,
        chat_id=chat_id, services=services,
    )  # fmt: skip
    return TradeQuestions.model_validate_json(said.text)


async def _computed(question: str, asked: TradeQuestions, run: Run, services: Services) -> Asked:
    """Compute every table from this run's own trades, and nothing else."""
    tables: tuple[TradeTable, ...] = ()
    if asked.queries:
        path = str(run.report["artifacts"]["trades_csv"]).removeprefix("archive/")
        csv = await services.archive.get(path)
        tables = await asyncio.to_thread(tables_of, csv, asked, services.settings.timezone)
    funnel = tuple(_funnel(run.report)) if asked.funnel else ()
    return Asked(run, question, tables, funnel)


def tables_of(csv: bytes, asked: TradeQuestions, zone: str) -> tuple[TradeTable, ...]:
    """Return the answers to all queries over the trades of one file."""
    trades = read_trades(csv)
    return tuple(answer_query(query, trades, zone) for query in asked.queries)


def _funnel(report: dict[str, Any]) -> list[str]:
    """Say at which step of the setup the days were lost, and which signals came to no trade."""
    lines = ["Where days were lost, step by step:"]
    for step in report.get("funnel") or ():
        lost = ", ".join(f"{n} {why}" for why, n in (step.get("lost") or {}).items())
        name = step.get("title") or step.get("step")
        lines.append(f"{name}: {step['days']} days" + (f" (lost: {lost})" if lost else ""))
    missed = report.get("missed") or {}
    if missed:
        told = ", ".join(f"{n} {why}" for why, n in missed.items())
        lines.append(f"Signals without a trade: {told}")
    period = f"{report['period_start']}..{report['period_end']}"
    lines.append(f"More of it: /why {report['symbol']} {period} {report['setup_id']}")
    return lines


async def _pictured(answer: Asked, services: Services) -> Asked:
    """Return the answer with a picture of its first long table."""
    drawable = [t for t in answer.tables if len(t.groups) >= PICTURE_FROM and in_r(t.groups[0])]
    table = drawable[0] if drawable else None
    if table is None:
        return answer
    report = answer.run.report
    title = f"{report['symbol']} {report['timeframe']} by {table.query.group_by.replace('_', ' ')}"
    words = (title, f"{report['setup_id']} · {table.matched} trades", answer.run.run_id)
    theme, made_up = services.settings.chart_theme, bool(report.get("synthetic"))
    picture = await services.cpu.run(draw_groups, table, words, theme, made_up)
    return Asked(answer.run, answer.question, answer.tables, answer.funnel, png=picture.png)


def in_r(group: GroupFigures) -> bool:
    """Tell whether a group has a figure in R that a bar can show."""
    return group.expectancy is not None or group.total_r is not None


def draw_groups(
    table: TradeTable, words: tuple[str, str, str], theme: str, synthetic: bool  # noqa: FBT001
) -> "Picture":  # fmt: skip
    """Draw the groups of a table; `words` are title, second line and foot."""
    from pipeline.render.group_bars import group_bars  # noqa: PLC0415

    title, subtitle, foot = words
    return group_bars(table.groups, title=title, subtitle=subtitle, theme=theme, foot=foot,
                      synthetic=synthetic)  # fmt: skip


async def _in_words(
    answer: Asked, notes: list[str], services: Services, chat_id: int | None
) -> Asked:
    """Let the analyst word the tables; its numbers are held against them."""
    lines = [line for table in answer.tables for line in table_lines(table)]
    try:
        said = await consult(
            wording_question(answer.question, answer.tables, lines), answer=Worded,
            subject=answer.run.run_id, chat_id=chat_id, services=services,
        )  # fmt: skip
    except (AnalystRefusedError, AnalystDownError) as error:
        return _with(answer, [*notes, f"The analyst put nothing into words: {error.user_text}"])
    worded = Worded.model_validate_json(said.text).answer
    return _with(answer, notes, worded, said.model)


def _with(answer: Asked, notes: list[str], worded: str = "", source: str = "") -> Asked:
    return Asked(answer.run, answer.question, answer.tables, answer.funnel, worded, source,
                 tuple(notes), answer.png)  # fmt: skip


def answer_lines(answer: Asked) -> list[str]:
    """Return an answer as lines, for the chat and the command line."""
    lines: list[str] = []
    if answer.worded:
        lines += [answer.worded, f"({answer.source}; its figures are from the table below.)", ""]
    for number, table in enumerate(answer.tables):
        lines += [""] if number else []
        lines += table_lines(table)
    lines += answer.funnel
    if answer.run.report.get("synthetic"):
        lines.append("The bars are SYNTHETIC: a made-up sample, no market.")
    return [*lines, *(f"! {note}" for note in answer.notes)]


def answer_title(answer: Asked) -> str:
    """Return the first line of an answer."""
    report = answer.run.report
    return f"{answer.run.run_id} · {report['symbol']} {report['timeframe']} {report['setup_id']}"
