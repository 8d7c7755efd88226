"""Judging a run: every signal of the backtest against what the chat and the database have."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pandas as pd

from flows.services import Services
from pipeline.data.clean import resample
from pipeline.domain.live import LIVE, DecisionKind, LiveSignal
from pipeline.domain.market import Timeframe
from pipeline.setups.engine import detect, find_signals, frames_for
from pipeline.setups.rules import SetupSpec
from tests.chaos.telegram import Telegram
from tests.kit.sandbox import Json

KILL_SHADOW = timedelta(seconds=2.0)
PATIENCE_SHADOW = timedelta(seconds=4.5)


@dataclass
class Tap:
    """A press on Approve or Reject, and what the bot said to it (None: nothing yet)."""

    signal_id: str
    choice: str
    query_id: str
    said: str | None = None


@dataclass
class Verdict:
    """What is wrong, by kind, with the facts; and the counts of what is right."""

    expected: int = 0
    alerted: int = 0
    listed: int = 0
    late: int = 0
    approvals: int = 0
    refused_taps: int = 0
    repeated: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    phantom: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    answers_lost: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.phantom or self.untold or self.answers_lost)

    def line(self, rounds: int) -> str:
        return (
            f"{rounds} rounds, {len(self.lost)} lost, {len(self.doubled)} doubled, "
            f"{self.repeated} repeated after an ambiguous send, {len(self.phantom)} phantom, "
            f"{len(self.untold)} late untold, {len(self.answers_lost)} approvals lost "
            f"({self.expected} signals, {self.alerted} alerted, {self.listed} in digests, {self.late} late and told, "
            f"{self.approvals} answers kept, {self.refused_taps} taps refused in words)"
        )


async def expected_keys(
    spec: SetupSpec, bars: Mapping[str, pd.DataFrame], services: Services, since: datetime
) -> set[str]:
    """Return the natural keys of a backtest's signals from `since` on, by symbol.

    Up to its mark, or to the newest signal kept: a scanner that stops between admitting a signal
    and writing the mark has said it all the same.
    """
    marks = await services.scans.scanned(LIVE)
    for row in await services.signals.newest(len(marks), LIVE):
        marks[row.signal.symbol] = max(marks[row.signal.symbol], row.signal.known_at)
    keys: set[str] = set()
    for symbol, mark in marks.items():
        instrument = await services.instruments.get(symbol)
        held = bars[symbol]
        frame = resample(held[held["close_time"] <= mark], Timeframe.M1, Timeframe.M5)
        frames = frames_for(frame, Timeframe.M5, spec)
        tools = detect(frames, spec, Timeframe.M5, instrument)
        found = find_signals(frames, tools, spec, Timeframe.M5, instrument)
        keys |= {
            f"{LIVE}|{s.setup_id}|{symbol}|M5|{s.known_at:%Y%m%dT%H%M%S}|{s.side.value}"
            for s in found.signals
            if since < s.known_at <= mark
        }
    return keys


async def judge(
    expected: set[str],
    services: Services,
    fire: tuple[Sequence[datetime], Telegram],
    taps: Sequence[Tap],
    since: datetime,
) -> Verdict:
    """Hold what happened against what had to happen."""
    rows = {r.key: r for r in await services.signals.newest(1_000_000, LIVE)}
    copies = await fire[1].copies()
    waiting = await services.signals.held(services.clock() + timedelta(days=1))
    # Held by a limit: listed in a digest, or waiting for the next one.
    texts = "\n".join([*await fire[1].texts(), *(held.signal_id for held in waiting)])
    verdict = Verdict(expected=len(expected))
    verdict.lost += [f"never kept: {key}" for key in sorted(expected - rows.keys())]
    later = {key for key, row in rows.items() if row.signal.known_at > since}
    verdict.phantom += [f"no backtest has {key}" for key in sorted(later - expected)]
    for row in rows.values():
        _judge_alert(row, copies.get(row.signal_id, []), texts, verdict, fire)
    _judge_taps(taps, {r.signal_id: r for r in rows.values()}, verdict)
    return verdict


def _judge_alert(
    row: LiveSignal,
    copies: list[Json],
    texts: str,
    verdict: Verdict,
    fire: tuple[Sequence[datetime], Telegram],
) -> None:
    name = f"{row.signal_id} ({row.key})"
    if row.decision.decision is DecisionKind.LATE:
        verdict.late += 1
        if row.signal_id not in texts:
            verdict.untold.append(name)
        return
    if not row.decision.decision.alerts:
        verdict.phantom.append(f"{name} is {row.decision.decision}: {row.decision.reasons}")
        return
    verdict.alerted += bool(copies)
    listed = not copies and row.signal_id in texts
    verdict.listed += listed
    if not copies and not listed:
        verdict.lost.append(name)
    # Each further copy must follow one of which nobody could know that it had arrived.
    excused = sum(_ambiguous(copy, *fire) for copy in copies[:-1])
    if len(copies) > 1 + excused:
        verdict.doubled.append(f"{name}: {len(copies)} copies")
    verdict.repeated += excused


def _ambiguous(copy: Json, kills: Sequence[datetime], telegram: Telegram) -> bool:
    """Tell whether nobody could know that a copy had arrived.

    The bot was killed between Telegram's acceptance and its own note of it, or the answer was
    dropped or came after its patience.
    """
    at = datetime.fromtimestamp(copy["date"], UTC)  # whole seconds, cut off
    killed = any(at - timedelta(seconds=0.2) <= k <= at + KILL_SHADOW for k in kills)
    struck = any(
        at - timedelta(seconds=1) <= t <= at + PATIENCE_SHADOW for t in telegram.ambiguous
    )
    return killed or struck


def _judge_taps(taps: Sequence[Tap], rows: Mapping[str, LiveSignal], verdict: Verdict) -> None:
    by_signal = Counter(tap.signal_id for tap in taps)
    for tap in taps:
        answer = rows[tap.signal_id].answer
        if answer is not None:
            verdict.approvals += 1
            wanted = "approved" if tap.choice == "Approve" else "rejected"
            if by_signal[tap.signal_id] == 1 and answer.choice != wanted:
                verdict.answers_lost.append(f"{tap.signal_id}: {tap.choice} became {answer}")
        elif tap.said:
            verdict.refused_taps += 1
        else:
            verdict.answers_lost.append(f"{tap.signal_id}: {tap.choice} is not kept")
