"""How runs read in the chat: progress, lists, plans, refusals, notices, pictures' captions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from aiogram.utils.formatting import Bold, Code, DateTime, Text, as_list

from bot import keyboards
from bot.layout import CAPTION_LIMIT, View, fit
from bot.texts import en
from flows.backtest_text import command_of
from flows.stories import story_of
from pipeline.domain.errors import BadRequestError
from pipeline.domain.request import Run, TaskRecord

BAR_PARTS = 10


def progress(payload: Mapping[str, Any]) -> View:
    """Return the one message that follows a run, from a PROGRESS payload."""
    run_id, status = str(payload.get("run_id", "")), str(payload.get("status", ""))
    lines: list[Text | str] = [
        Text(Bold(str(payload.get("title") or "Backtest")), ", ", Code(run_id)),
        _state(status, payload.get("percent"), payload.get("place")),
        *map(_task_line, payload.get("tasks") or ()),
    ]
    if note := str(payload.get("note") or ""):
        lines.append(note)
    return fit(as_list(*lines), keyboards.progress(run_id, status=status))


def _state(status: str, percent: Any, place: Any) -> str:
    word = en.STATUS_WORDS.get(status, status)
    if status == "queued" and isinstance(place, int):
        return f"{word}. {en.place_in_queue(place)}"
    if status != "running" or not isinstance(percent, int | float):
        return word
    done = round(max(0.0, min(100.0, float(percent))) / 100 * BAR_PARTS)
    return f"{'█' * done}{'░' * (BAR_PARTS - done)} {percent:.0f} %"


def _task_line(task: Mapping[str, Any]) -> str:
    name, state = str(task.get("task", "")), str(task.get("status", ""))
    words = en.TASK_WORDS.get(name, name)
    spent = float(task.get("duration_sec") or 0.0)
    seconds = f" {spent:.1f} s" if state in ("success", "failed") else ""
    return f"{en.TASK_MARKS.get(state, '·')} {words}{seconds}"


def status(run: Run, place: int | None = None) -> View:
    """Return how far a run is, from its record."""
    done = sum(task.status in ("success", "skipped") for task in run.tasks)
    view = {
        "run_id": run.run_id,
        "title": _short(run),
        "status": run.status.value,
        "place": place,
        "percent": 100 * done / len(story_of(run).tasks),
        "tasks": [_dumped(task) for task in run.tasks],
    }
    shown = progress(view)
    if not run.error:
        return shown
    return fit(as_list(Text.from_entities(shown.text, shown.entities), run.error), shown.keyboard)


def _dumped(task: TaskRecord) -> dict[str, Any]:
    return task.model_dump(include={"task", "status", "duration_sec"})


def _short(run: Run) -> str:
    asked = run.request
    words = [str(asked[k]) for k in ("setup_id", "symbol", "timeframe") if asked.get(k)]
    return " ".join(words) or run.flow_type


def runs(found: Sequence[Run]) -> View:
    """Return the newest runs with a button for each."""
    if not found:
        return fit(Text(en.NO_RUNS))
    lines: list[Text | str] = [Bold(en.RUNS_TITLE)]
    for run in found:
        word = en.STATUS_WORDS.get(run.status.value, run.status.value)
        lines.append(Text(Code(run.run_id), f" {_short(run)}, {word}, ", moment(run.created_at)))
    return fit(as_list(*lines), keyboards.runs([(r.run_id, r.run_id) for r in found]))


def moment(at: datetime) -> Text:
    """Return a time that each reader sees in their own zone; as text it is UTC."""
    return DateTime(f"{at:%Y-%m-%d %H:%M} UTC", unix_time=at, date_time_format="Dt")


def refused(
    error: BadRequestError, offers: Sequence[tuple[str, str]], reference: str = ""
) -> View:
    """Return what was wrong in one line, valid values as buttons, the right command to copy."""
    lines: list[Text | str] = [en.sentence(error.user_text)]
    if error.corrected:
        lines += [en.FOR_EXAMPLE if error.value is None else en.CORRECTED, Code(error.corrected)]
    elif error.closest:
        lines.append(en.valid_are(error.closest))
    if reference and error.value is not None:  # a question is no error
        lines.append(Text(en.reference(""), Code(reference)))
    return fit(as_list(*lines), keyboards.commands(offers, error.corrected))


def usage(examples: Iterable[str], offers: Sequence[tuple[str, str]]) -> View:
    """Return how /backtest is written, with examples to press."""
    return fit(
        as_list(en.USAGE_BACKTEST, *map(Code, examples), "", en.HELP_MORE),
        keyboards.commands(offers),
    )


def old_command(command: str, token: str) -> View:
    """Ask whether a command that waited should still run."""
    body = as_list(en.OLD_COMMAND, Code(command))
    return fit(body, keyboards.commands([(en.BUTTON_RUN_NOW, token)], command))


def started_already(run: Run) -> View:
    """Answer a second press: which run it started the first time."""
    return fit(
        Text(en.ALREADY_STARTED, ": ", Code(run.run_id)),
        keyboards.runs([(run.run_id, run.run_id)]),
    )


def plan_only(plan: Mapping[str, Any], offers: Sequence[tuple[str, str]]) -> View:
    """Return a dry run's plan: a line for each of its fields."""
    lines: list[Text | str] = [Bold(en.DRY_RUN_TITLE)]
    request = plan.get("request")
    if isinstance(request, dict):
        lines.append(Code(command_of(request)))
    for key, title in en.PLAN_TITLES.items():
        if (value := plan.get(key)) not in (None, "", [], (), {}):
            lines.append(f"{title}: {_planned(key, value)}")
    return fit(as_list(*lines), keyboards.commands(offers))


def _planned(key: str, value: Any) -> str:
    """Return one value of a plan as people say it."""
    if key == "tasks":
        return ", ".join(en.TASK_WORDS.get(task, task).lower() for task in value)
    if key == "expected_seconds":
        return en.count(max(1, round(value)), "second")
    if key == "rule_version":
        return f"v{str(value).removeprefix('v')}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def notice(text: str, reference: str = "") -> View:
    """Return one kind line and, if there is one, the reference under which the log has more."""
    lines = [Text(text)]
    if reference:
        lines.append(Text(en.reference(""), Code(reference)))
    return fit(as_list(*lines))


def caption(text: str) -> View:
    """Return a plain caption."""
    return fit(Text(text), limit=CAPTION_LIMIT)


def trade_caption(run_id: str, index: int, facts: Mapping[str, Any]) -> View:
    """Return the caption and pager of one trade's picture.

    Parameters
    ----------
    facts
        What `flows.backtest.trade_picture` tells of the trade.
    """
    total, trade = int(facts.get("total") or 0), facts.get("trade") or {}
    lines: list[Text | str] = [Text(Bold(f"Trade {index + 1} of {total}"), ", ", Code(run_id))]
    if facts.get("synthetic"):
        lines.append(en.SYNTHETIC)
    lines.append(str(facts.get("text") or ""))
    if trade:
        lines += [*_prices(trade, int(facts.get("digits", 5))), *_result(trade)]
    return fit(as_list(*lines), keyboards.trade(run_id, index, total), CAPTION_LIMIT)


def _prices(trade: Mapping[str, Any], digits: int) -> list[Text | str]:
    def price(name: str) -> Code:
        return Code(f"{trade[name]:.{digits}f}")

    return [
        Text("Entry ", price("entry_price"), ", stop ", price("sl_price")),
        Text("Target ", price("tp_price"), ", exit ", price("exit_price")),
    ]


def _result(trade: Mapping[str, Any]) -> list[Text | str]:
    line = (
        f"{trade['exit_reason']} {trade['rr']:+.2f} R, {trade['pnl_points']:+.1f} points, "
        f"went {trade['mae']:+.2f} R against and {trade['mfe']:+.2f} R for it"
    )
    bounds = f"Ambiguous: {trade['rr_worst']:+.2f} to {trade['rr_best']:+.2f} R"
    return [line, bounds] if trade.get("ambiguous") else [line]
