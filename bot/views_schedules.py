"""How schedules read in the chat: the list, one that was made, and how to make one."""

from collections.abc import Sequence

from aiogram.utils.formatting import Bold, Code, Text, as_list

from bot import keyboards_schedules as keyboards
from bot.layout import View, fit
from bot.texts import en_schedules as en
from bot.views_runs import moment
from flows.schedule_desk import Line, asks
from pipeline.schedule_commands import EXAMPLE


def schedules(found: Sequence[Line]) -> View:
    """Return all schedules, each with its next time in the reader's zone and its last outcome."""
    if not found:
        return fit(as_list(en.NONE, *_how()))
    lines: list[Text | str] = [Bold(en.TITLE)]
    for line in found:
        lines += ["", *_lines(line)]
    return fit(as_list(*lines), keyboards.schedules(found))


def kept(line: Line) -> View:
    """Return what was kept of a new schedule."""
    return fit(as_list(*_lines(line, en.KEPT)), keyboards.schedules([line]))


def how() -> View:
    """Return how a schedule is written."""
    return fit(as_list(*_how()))


def really(line: Line) -> View:
    """Ask before a schedule is deleted."""
    body = as_list(*_lines(line), en.REALLY)
    return fit(body, keyboards.really(line.schedule.name))


def _how() -> list[Text | str]:
    return [en.HOW, Code(EXAMPLE), en.TEMPLATE, Code("/schedule nightly"), en.WHEN]


def _lines(line: Line, before: str = "") -> list[Text | str]:
    schedule = line.schedule
    zone = f" ({schedule.zone})" if schedule.cron else ""
    found: list[Text | str] = [
        Text(before, Bold(schedule.name), f", {line.times}{zone}"),
        Code(asks(schedule)),
    ]
    found.append(Text(en.NEXT, moment(line.next)) if line.next else en.PAUSED)
    if line.last is not None:
        word = en.OUTCOMES[line.last.outcome]
        parts: list[Text | str] = [en.LAST, moment(line.last.due), f": {word}"]
        if line.last.run_id:
            parts += [" ", Code(line.last.run_id)]
        found.append(Text(*parts, f", {line.last.reason}" if line.last.reason else ""))
    return found
