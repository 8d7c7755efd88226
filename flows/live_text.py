"""Live watching in words, one line for each thing, as chat and command line tell it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, get_args
from zoneinfo import ZoneInfo

from flows.live_status import LiveStatus
from pipeline.domain.live import DecisionKind, Gate
from pipeline.domain.watch import AlertKind, LiveRules, Watch
from pipeline.live import wishes
from pipeline.live.health import ago
from pipeline.live.routing import is_muted, loudness
from pipeline.live.wishes import RuleWish, Wish

KIND_WORDS: Final[Mapping[AlertKind, str]] = {
    "approved": "approved signals",
    "review": "your call",
    "outcome": "outcomes",
    "feed": "feed",
    "digest": "digests",
    "heartbeat": "heartbeat",
}
COUNT_WORDS: Final[Mapping[DecisionKind, str]] = {
    DecisionKind.APPROVED: "approved",
    DecisionKind.REVIEW_REQUIRED: "your call",
    DecisionKind.REJECTED: "rejected",
    DecisionKind.SUPPRESSED: "suppressed",
    DecisionKind.LATE: "late",
}
NO_MARKET: Final = (
    "no market is connected, so nothing can be alerted yet. FEED=mt5 or FEED=bridge connects "
    "MetaTrader 5 (docs/metatrader.md); a replay of held bars needs nothing"
)


def status_lines(status: LiveStatus) -> list[tuple[str, str]]:
    """Return title and words of each line of the status card, in order."""
    watch, rules = status.watch, status.rules
    lines = [
        ("Watching", watching_words(watch)),
        ("Feed", status.feed.words if status.connected else NO_MARKET),
        ("Last scan", _last_scan(status)),
        ("Today", counts_words(status.counts)),
        ("Quiet hours", quiet_words(watch)),
        ("Weekend", weekend_words(watch)),
        ("Sound", sound_words(watch)),
        ("Muted", muted_words(watch, status.at)),
        ("Limits", limit_words(watch)),
        ("Heartbeat", heartbeat_words(watch)),
        ("Clock", watch.zone),
        *(("Gate", line) for line in gate_lines(rules)),
        ("Cooldown", cooldown_words(rules)),
    ]
    return [(title, words) for title, words in lines if words]


def watching_words(watch: Watch) -> str:
    """Say which symbols, timeframes and setups are watched, or would be."""
    what = " · ".join((
        ", ".join(watch.symbols) or "all symbols",
        ", ".join(t.value for t in watch.timeframes) or "all timeframes",
        ", ".join(watch.setups) or "all setups",
    ))  # fmt: skip
    return what if watch.on else f"off; else {what}"


def _last_scan(status: LiveStatus) -> str:
    if not status.connected or status.scanner is None:
        return ""
    if status.scanner.last_scan is None:
        return "none yet"
    age = ago(status.at - status.scanner.last_scan)
    return f"{age} ago, {status.scanner.symbols} symbols"


def counts_words(counts: Mapping[DecisionKind, int]) -> str:
    """Say how many signals there were, by decision."""
    found = sum(counts.values())
    if not found:
        return "no signal"
    parts = (f"{counts.get(kind, 0)} {word}" for kind, word in COUNT_WORDS.items())
    return f"{found} found: {', '.join(parts)}"


def quiet_words(watch: Watch) -> str:
    """Say when alerts wait for a digest."""
    if watch.quiet is None:
        return "none"
    return f"{watch.quiet.start}–{watch.quiet.end} ({watch.zone}); then a digest"


def weekend_words(watch: Watch) -> str:
    """Say what happens on Saturdays and Sundays."""
    return "watched" if watch.weekend else "paused"


def sound_words(watch: Watch) -> str:
    """Say how loud each kind is."""
    return " · ".join(
        f"{KIND_WORDS[kind]} {loudness(watch, kind)}" for kind in get_args(AlertKind)
    )


def muted_words(watch: Watch, now: datetime) -> str:
    """Say which setups are silenced, and until when by the chat's clock; "none" without."""
    zone = ZoneInfo(watch.zone)
    found = []
    for setup_id in sorted(s for s in watch.muted if is_muted(watch, s, now)):
        until = watch.muted[setup_id].until
        when = "" if until is None else f" until {until.astimezone(zone):%a %H:%M}"
        found.append(f"{setup_id}{when}")
    return ", ".join(found) or "none"


def limit_words(watch: Watch) -> str:
    """Say how many alerts come at most; the rest waits for a digest."""
    return (
        f"{watch.max_per_hour} alerts an hour, {watch.max_per_minute} a minute; more in a digest"
    )


def heartbeat_words(watch: Watch) -> str:
    """Say when the daily sign of life comes."""
    return f"{watch.heartbeat} ({watch.zone})" if watch.heartbeat else "off"


def gate_lines(rules: LiveRules) -> list[str]:
    """Return the gate of all setups, then those of single ones."""
    own = sorted(setup_id for setup_id in rules.gates if setup_id)
    return [
        gate_words(rules.gate("")),
        *(f"{setup_id}: {gate_words(rules.gate(setup_id))}" for setup_id in own),
    ]


def gate_words(gate: Gate) -> str:
    """Say what is approved and what is a person's call."""
    return (
        f"confidence > {gate.min_confidence:g} and, with a model, score > {gate.min_ml_score:g}; "
        f"your call from {gate.review_from:g}"
    )


def cooldown_words(rules: LiveRules) -> str:
    """Say how long a setup stays silent on a symbol."""
    if not rules.cooldown_minutes:
        return "none"
    return f"{rules.cooldown_minutes:g} min per setup and symbol"


_OF_WATCH: Final[Mapping[type[Wish], tuple[str, Callable[[Watch, datetime], str]]]] = {
    wishes.SwitchOn: ("Watching", lambda watch, _: watching_words(watch)),
    wishes.SwitchOff: ("Watching", lambda watch, _: watching_words(watch)),
    wishes.SetQuiet: ("Quiet hours", lambda watch, _: quiet_words(watch)),
    wishes.SetSound: ("Sound", lambda watch, _: sound_words(watch)),
    wishes.SetWeekend: ("Weekend", lambda watch, _: weekend_words(watch)),
    wishes.SetHeartbeat: ("Heartbeat", lambda watch, _: heartbeat_words(watch)),
    wishes.SetZone: ("Clock", lambda watch, _: watch.zone),
    wishes.SetLimits: ("Limits", lambda watch, _: limit_words(watch)),
    wishes.MuteSetup: ("Muted", muted_words),
    wishes.UnmuteSetup: ("Muted", muted_words),
}


def watch_said(wish: Wish, watch: Watch, now: datetime) -> tuple[str, str]:
    """Return title and words of the line that a wish changed."""
    title, words = _OF_WATCH[type(wish)]
    return title, words(watch, now)


def rules_said(wish: RuleWish, rules: LiveRules) -> tuple[str, str]:
    """Return title and words of the line that a wish about all chats changed."""
    if isinstance(wish, wishes.SetCooldown):
        return "Cooldown", cooldown_words(rules)
    whose = wish.setup_id or "all setups without their own"
    return f"Gate of {whose}", gate_words(rules.gate(wish.setup_id))
