"""How deployments read in the chat."""

from aiogram.utils.formatting import Bold, Code, Text, as_list

from bot import keyboards_deployments
from bot.layout import View, fit
from bot.texts import en_deployments as en
from flows.deployment_text import facts, moment, schedule_words
from flows.deployments import DeploymentLine


def listed(lines: list[DeploymentLine], zone: str) -> View:
    """Return all deployments with status, last and next run."""
    if not lines:
        return fit(Text(en.NONE))
    body = as_list(Bold(en.TITLE), *(_line(line, zone) for line in lines), "", en.HOW)
    return fit(body, keyboards_deployments.listed(lines))


def one(line: DeploymentLine, zone: str) -> View:
    """Return everything about one."""
    told = (Text(f"{word}: ", Code(value)) for word, value in facts(line, zone))
    return fit(as_list(Bold(line.entry.name), *told), keyboards_deployments.one(line))


def _line(line: DeploymentLine, zone: str) -> Text:
    entry = line.entry
    times = f"last {moment(entry.last_run, zone)}, next {moment(entry.next_run, zone)}"
    paused = f" {en.PAUSED}," if entry.status == "paused" else ""
    return Text("• ", Bold(entry.name), f":{paused} {schedule_words(line)}, {times}")
