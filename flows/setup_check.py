"""Checking a setup file that somebody sends: what is wrong, what it would do, and taking it in."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flows import setup_check_compute as compute
from flows.holdings import usable
from flows.loading import held_bars
from flows.news import calendar_for, news_warnings
from flows.services import Services
from flows.setup_check_compute import Tried
from flows.trail import write_trail
from flows.why import trigger_for, why_job
from pipeline.domain.errors import AppError, BadRequestError, SetupError
from pipeline.domain.market import Timeframe
from pipeline.domain.report import Holding
from pipeline.domain.request import Actor
from pipeline.setups.authoring import signed
from pipeline.setups.rules import SetupSpec, SetupVersion
from pipeline.setups.versions import NO_REASON, next_version

LOOKED_AT = timedelta(days=60)
MAX_BYTES = 64 * 1024


@dataclass(frozen=True)
class Checked:
    """A setup that reads well and what it would have done; `version` is what adding would make.

    `version` is None where the library holds this very text already. Without bars of a symbol
    that it is made for `tried` is None, and it can't be added.
    """

    spec: SetupSpec
    symbol: str
    timeframe: Timeframe
    first: date | None
    last: date | None
    tried: Tried | None
    version: str | None
    warnings: tuple[str, ...]

    @property
    def may_be_added(self) -> bool:
        """Whether there is something to add that was tried."""
        return self.tried is not None and self.version is not None


def text_of_file(data: bytes, file: str) -> str:
    """Return a sent file's text.

    Raises
    ------
    SetupError
        Over 64 KB, or no UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise SetupError(f"{file}: a setup file has at most 64 KB", file=file)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SetupError(f"{file}:{line}: is no UTF-8 text", file=file, line=line) from error


async def check_setup(text: str, file: str, actor: Actor, services: Services) -> Checked:
    """Read a setup and try it on the last 60 days of held bars; nothing is kept.

    Notes
    -----
    It is tried on the first of its symbols that is held in its own timeframe, or its next
    longer one that held bars give.

    Raises
    ------
    SetupError
        What is wrong, by file, line and field; a built-in's id, with a fix.
    """
    spec = await services.cpu.run(compute.parsed, text, file)
    version = await _next(text, file, spec, actor, services)
    symbol, holdings = await _ground(spec, services)
    if not holdings:
        names = ", ".join(spec.symbols)
        note = f"No bars of {names} are held, so it could not be tried: import some first."
        return Checked(spec, symbol, spec.timeframe, None, None, None, version, (note,))
    trigger, start, end = _stretch(spec, holdings)
    held = await held_bars(spec, symbol, trigger, (start, end), services)
    if held is None:
        note = f"No bars of {symbol} are held in {', '.join(spec.timeframes)} or shorter."
        return Checked(spec, symbol, trigger, None, None, None, version, (note,))
    news = await calendar_for(spec, services)
    job = await why_job(spec, held, trigger, news, services)
    zone = ZoneInfo(spec.zone)
    days = (start.astimezone(zone).date(), (end - timedelta(seconds=1)).astimezone(zone).date())
    tried = await services.cpu.run(compute.tried, held.bars, job, start, days)
    warnings = (*tried.warnings, *news_warnings(spec, news, start, end))
    return Checked(spec, symbol, trigger, *days, tried, version, warnings)


async def add_setup(
    text: str, file: str, actor: Actor, services: Services, reason: str = ""
) -> SetupVersion:
    """Take a setup into the user's library, signed by who adds it; the version it is kept as.

    Raises
    ------
    SetupError
        It is wrong, or a built-in has its id; nothing is written then.
    """
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    what = {"file": file, "sha256": digest}
    try:
        version = await services.setups.add(_signed(text, file, actor, reason), services.clock())
    except AppError as error:
        await write_trail(services, actor, "setup_added", what, refusal=error)
        raise
    told = {**what, "setup_id": version.setup_id, "rule_version": version.rule_version}
    await write_trail(services, actor, "setup_added", told)
    return version


def added_words(version: SetupVersion) -> list[str]:
    """Say what was added and what becomes of it."""
    lines = [f"Added: {version.setup_id} v{version.rule_version}, by {version.author}."]
    if version.reason == NO_REASON:
        lines.append("It has the same reason as the version before: noted as without a reason.")
    if version.status == "active":
        lines.append("Its status is active: it can be tested from now on.")
    else:
        told = f"Its status is {version.status}: it is kept, and not offered or run live."
        lines.append(f"{told} Send it again with `status: active` to use it.")
    return lines


def _signed(text: str, file: str, actor: Actor, reason: str) -> str:
    author = actor.name or f"{actor.channel.value} {actor.user_id}"
    return signed(text, file, author=author, reason=reason)


async def _next(
    text: str, file: str, spec: SetupSpec, actor: Actor, services: Services
) -> str | None:
    """Return the number that adding would make; a built-in's id is refused before anything."""
    await services.setups.sync(services.clock())
    if await services.setups.is_builtin(spec.setup_id):
        raise SetupError(
            f"{file}: setup_id: '{spec.setup_id}' is a built-in's: give yours an id of its own, "
            f"such as My_{spec.setup_id}",
            file=file, field="setup_id",
        )  # fmt: skip
    held = await services.setups.versions(spec.setup_id)
    version = next_version(held, _signed(text, file, actor, ""), file, services.clock())
    return None if version is None else version.rule_version


async def _ground(spec: SetupSpec, services: Services) -> tuple[str, list[Holding]]:
    """Return the first of the setup's symbols of which fitting bars are held."""
    everything = await services.bars.holdings()
    longest = max(spec.timeframes, key=lambda t: t.minutes)
    for named in spec.symbols:
        try:
            symbol = (await services.instruments.get(named)).symbol
        except BadRequestError:
            continue  # nothing is known of it, so nothing is held
        own = [h for h in everything if h.symbol == symbol]
        if usable(own, longest):
            return symbol, own
    return spec.symbols[0], []


def _stretch(spec: SetupSpec, holdings: list[Holding]) -> tuple[Timeframe, datetime, datetime]:
    """Return the trigger and the last 60 days, whole ones in the setup's zone, of held bars."""
    longest = max(spec.timeframes, key=lambda t: t.minutes)
    last = max(h.last for h in usable(holdings, longest))
    zone = ZoneInfo(spec.zone)
    day = last.astimezone(zone).date()
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    start = datetime.combine(day + timedelta(days=1) - LOOKED_AT, time(), zone).astimezone(UTC)
    return trigger_for(spec, holdings, (start, end), None), start, end
