"""Bars in quarantine for people: what waits, and what becomes of it by an owner's word."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from flows.services import Services
from flows.start_checks import known_words
from flows.trail import write_trail
from pipeline.domain.bars import bar_frame, validate_bars
from pipeline.domain.errors import AppError, BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Actor
from pipeline.domain.source import WithheldBar
from pipeline.quarantine_commands import QuarantineWish, parse_quarantine


@dataclass(frozen=True)
class Group:
    """What waits of one symbol and timeframe, by time. `mark` changes when the bars do."""

    symbol: str
    timeframe: Timeframe
    bars: tuple[WithheldBar, ...]

    @property
    def mark(self) -> str:
        """Return what tells this list from one with other bars."""
        told = "\n".join(sorted(bar.model_dump_json() for bar in self.bars))
        return hashlib.sha256(told.encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Settled:
    """What a decision did. `older`: versions that gave way to a newer one of the same bar."""

    symbol: str
    timeframe: Timeframe
    verdict: str
    settled: int
    added: int = 0
    replaced: int = 0
    older: int = 0


@dataclass(frozen=True)
class Waiting:
    """What /quarantine shows."""

    groups: tuple[Group, ...]
    symbol: str = ""
    settled: Settled | None = None


async def answer(text: str, actor: Actor, services: Services) -> Waiting:
    """List what waits, or decide on it, as a command says; the caller checked who may.

    Raises
    ------
    BadRequestError
        A word that is nothing, nothing that waits, or bars that came since the list was shown.
    BadBarsError
        A bar can't be accepted as it breaks the bar contract; nothing was changed.
    """
    try:
        wish = parse_quarantine(text, await known_words(services))
        settled = await _settle(wish, services) if wish.verdict else None
    except AppError as error:
        await write_trail(services, actor, "quarantine", {"text": text[:200]}, refusal=error)
        raise
    if settled is not None:
        what = {
            "symbol": settled.symbol, "timeframe": settled.timeframe.value,
            "verdict": settled.verdict, "bars": settled.settled, "added": settled.added,
            "replaced": settled.replaced,
        }  # fmt: skip
        await write_trail(services, actor, "quarantine", what)
    groups = await _groups(wish, services)
    return Waiting(groups=groups, symbol=wish.symbol, settled=settled)


async def _groups(wish: QuarantineWish, services: Services) -> tuple[Group, ...]:
    found: dict[tuple[str, Timeframe], list[WithheldBar]] = defaultdict(list)
    for bar in await services.quarantine.waiting(wish.symbol or None, wish.timeframe):
        found[bar.symbol, bar.timeframe].append(bar)
    return tuple(Group(symbol, tf, tuple(bars)) for (symbol, tf), bars in found.items())


async def _settle(wish: QuarantineWish, services: Services) -> Settled:
    """Carry out a decision: what is accepted is in the store before it stops waiting."""
    group = next(iter(await _groups(wish, services)), None)
    if group is None:
        raise BadRequestError(
            f"No bars of {wish.symbol} {wish.timeframe} wait.", field="symbol", value=wish.symbol,
            corrected="/quarantine",
        )  # fmt: skip
    if wish.seen and wish.seen != group.mark:
        raise BadRequestError(
            "Other bars wait now than those that were shown: look again.", field="seen",
            value=wish.seen, corrected=f"/quarantine {group.symbol} {group.timeframe}",
        )  # fmt: skip
    added = replaced = 0
    newest = newest_versions(group.bars)
    if wish.verdict == "accepted":
        added, replaced = await _merge(group, newest, services)
    now = services.clock()
    settled = await services.quarantine.settle(newest, wish.verdict, now)
    older = [bar for bar in group.bars if bar not in newest]
    gave_way = await services.quarantine.settle(older, "discarded", now) if older else 0
    return Settled(
        symbol=group.symbol, timeframe=group.timeframe, verdict=wish.verdict,
        settled=settled, added=added, replaced=replaced, older=gave_way,
    )  # fmt: skip


async def _merge(group: Group, bars: Sequence[WithheldBar], services: Services) -> tuple[int, int]:
    """Put bars in the store, each source's under its name; refuse all if one can't be kept."""
    frames = {
        source: frame_of([bar for bar in bars if bar.source == source], group.timeframe)
        for source in dict.fromkeys(bar.source for bar in bars)
    }
    for frame in frames.values():
        validate_bars(frame, group.timeframe)
    added = replaced = 0
    for source, frame in frames.items():
        kept = await _with_spread(group, frame, services)
        more, other = await services.bars.merge(
            group.symbol, group.timeframe, kept, source=source, now=services.clock()
        )
        added, replaced = added + more, replaced + other
    return added, replaced


async def _with_spread(group: Group, frame: pd.DataFrame, services: Services) -> pd.DataFrame:
    """Return the bars with the spreads of those held: quarantine keeps none of its own."""
    start = frame["open_time"].iloc[0].to_pydatetime()
    end = frame["close_time"].iloc[-1].to_pydatetime()
    held = await services.bars.read(group.symbol, group.timeframe, start, end)
    spread = held.set_index("open_time")["spread"].reindex(frame["open_time"]).to_numpy()
    return frame.assign(spread=spread)


def newest_versions(bars: Sequence[WithheldBar]) -> list[WithheldBar]:
    """Return one bar for each time, the version that came last, by time."""
    newest = {bar.open_time: bar for bar in sorted(bars, key=lambda bar: bar.at)}
    return [newest[at] for at in sorted(newest)]


def frame_of(bars: Sequence[WithheldBar], timeframe: Timeframe) -> pd.DataFrame:
    """Return withheld bars, one for each time and sorted, as a bar frame without spreads."""
    times = pd.DatetimeIndex([bar.open_time for bar in bars])
    volume = np.array([bar.volume for bar in bars])
    return bar_frame(times, timeframe, np.array([bar.prices for bar in bars]), volume)
