"""Whether a chat hears of a signal, how loud, and when: at once or in a digest."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pipeline.domain.live import AlertFor, DecisionKind
from pipeline.domain.signal import Signal
from pipeline.domain.watch import DEFAULT_SOUND, AlertKind, Loudness, Watch
from pipeline.live.wall_clock import is_quiet, is_weekend, quiet_until

DIGEST_EVERY = timedelta(minutes=5)
"""What a limit holds back is gathered to the next full five minutes of the clock (UTC)."""

_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_KINDS: dict[DecisionKind, AlertKind] = {
    DecisionKind.APPROVED: "approved",
    DecisionKind.REVIEW_REQUIRED: "review",
}


def route(
    kind: DecisionKind, signal: Signal, watch: Watch, lately: Sequence[datetime], *, now: datetime
) -> AlertFor | None:
    """Return what a chat is owed of a signal; None: it doesn't want it.

    Parameters
    ----------
    lately
        When the chat was given alerts in the last hour, in any order; one that is owed but not
        sent yet counts as given now.
    now
        By this machine's clock.

    Notes
    -----
    In this order:

    1. Not wanted: watching is off, paused for the weekend (by the chat's own clock), or leaves
       out this symbol, timeframe, setup or kind; or the setup is muted.
    2. Quiet hours: held to their end.
    3. `max_per_hour` alerts within an hour, or `max_per_minute` within a minute: held to the next
       full five minutes. So limits delay, by five minutes at most, and never drop.
    4. At once.
    """
    if not wants(kind, signal, watch, now=now) or (not watch.weekend and _paused(watch, now)):
        return None
    alert = AlertFor(chat_id=watch.chat_id, silent=loudness(watch, _KINDS[kind]) == "silent")
    if watch.quiet is not None and is_quiet(watch.quiet, watch.zone, now):
        due = quiet_until(watch.quiet, watch.zone, now)
        return alert.model_copy(update={"held": "quiet", "due_at": due})
    if sum(at > now - _HOUR for at in lately) >= watch.max_per_hour:
        return alert.model_copy(update={"held": "hour", "due_at": next_digest(now)})
    if sum(at > now - _MINUTE for at in lately) >= watch.max_per_minute:
        return alert.model_copy(update={"held": "minute", "due_at": next_digest(now)})
    return alert


def replayed(
    kind: DecisionKind, signal: Signal, watch: Watch, *, now: datetime
) -> AlertFor | None:
    """Return what the chat that asked for a replay is owed of one of its signals.

    The replay says what is watched, and somebody is there to look: so of the chat's wishes only
    the kinds that are off and the muted setups count. Approved signals are as loud as the chat
    has them, all others silent.
    """
    if not _heard(kind, signal.setup_id, watch, now):
        return None
    loud = kind is DecisionKind.APPROVED and loudness(watch, "approved") == "loud"
    return AlertFor(chat_id=watch.chat_id, silent=not loud)


def wants(kind: DecisionKind, signal: Signal, watch: Watch, *, now: datetime) -> bool:
    """Tell whether a chat watches what this signal is about and hears of its kind."""
    return watch.on and is_about(watch, signal) and _heard(kind, signal.setup_id, watch, now)


def is_about(watch: Watch, signal: Signal) -> bool:
    """Tell whether a signal's symbol, timeframe and setup are among those that a chat watches."""
    return (
        (not watch.symbols or signal.symbol in watch.symbols)
        and (not watch.timeframes or signal.tf in watch.timeframes)
        and (not watch.setups or signal.setup_id in watch.setups)
    )


def loudness(watch: Watch, kind: AlertKind) -> Loudness:
    """Return how a chat wants to hear of something; what it never said is as usual."""
    return watch.sound.get(kind, DEFAULT_SOUND[kind])


def is_muted(watch: Watch, setup_id: str, now: datetime) -> bool:
    """Tell whether a setup is silenced now."""
    mute = watch.muted.get(setup_id)
    return mute is not None and (mute.until is None or now < mute.until)


def next_digest(now: datetime) -> datetime:
    """Return the next full five minutes after that moment."""
    begun = now.replace(minute=now.minute - now.minute % 5, second=0, microsecond=0)
    return begun + DIGEST_EVERY


def _heard(kind: DecisionKind, setup_id: str, watch: Watch, now: datetime) -> bool:
    return (
        kind in _KINDS
        and loudness(watch, _KINDS[kind]) != "off"
        and not is_muted(watch, setup_id, now)
    )


def _paused(watch: Watch, now: datetime) -> bool:
    return is_weekend(watch.zone, now)
