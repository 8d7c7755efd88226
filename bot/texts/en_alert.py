"""What an alert says: its caption, its buttons, answers to presses, outcomes, digests."""

from collections.abc import Mapping
from typing import Final

from pipeline.domain.live import DecisionKind, LifeState
from pipeline.domain.trade import ExitReason

# Caption
KINDS: Final[Mapping[DecisionKind, str]] = {
    DecisionKind.APPROVED: "APPROVED",
    DecisionKind.REVIEW_REQUIRED: "YOUR CALL",
    DecisionKind.REJECTED: "REJECTED",
    DecisionKind.SUPPRESSED: "SUPPRESSED",
    DecisionKind.LATE: "LATE",
}
REPLAY: Final = "REPLAY"
SYNTHETIC: Final = "SYNTHETIC"
CLOSED_AT: Final = "Bar closed"
RULES_ALONE: Final = "the rules alone decided"
NO_MODEL: Final = f"no model deployed: {RULES_ALONE}"
NO_CASES: Final = "No similar past cases yet"
NO_CHART: Final = "no chart"
MORE_STEPS: Final = "… {n} more: Inspect"
JOURNAL: Final = "Journal page"
ANALYST: Final = "Analyst"
MARKET_ORDER: Final = "at market"
LIMIT_ORDER: Final = "limit"
ORDER_UNTIL: Final = "Order until"
OUT_BY: Final = "Out by"
VOID_ON: Final = "Before the fill, void on a"
TOUCH_BELOW: Final = "touch below"
TOUCH_ABOVE: Final = "touch above"
CLOSE_BELOW: Final = "close below"
CLOSE_ABOVE: Final = "close above"


def similar(cases: int, rate: float, error: float) -> str:
    """Tell how past cases like it ended."""
    word = "case" if cases == 1 else "cases"
    share = f"{100 * rate:.0f}\u00a0% ± {100 * error:.0f}"
    return f"{cases:,} similar past {word}: {share} reached the target"


# State
STATES: Final[Mapping[LifeState, str]] = {
    LifeState.WAITING: "Waiting for its entry",
    LifeState.OPEN: "Filled",
    LifeState.CLOSED: "Closed",
    LifeState.EXPIRED: "Expired, never filled",
    LifeState.VOID: "Void, never filled",
    LifeState.REFUSED: "No order",
}
EXITS: Final[Mapping[str, str]] = {
    ExitReason.TP: "at target",
    ExitReason.SL: "at stop",
    ExitReason.BE: "at break-even",
    ExitReason.TIME: "by time",
    ExitReason.SESSION_END: "at session end",
    ExitReason.EXPIRED: "expired",
    ExitReason.VOID: "void",
}
FIRST_HIT: Final = "first target hit"
ANSWERS: Final[Mapping[str, str]] = {"approved": "Approved", "rejected": "Rejected"}
PAPER: Final = "On paper"

# Buttons
ENTRY: Final = "Entry"
STOP: Final = "Stop"
TARGET: Final = "Target"
APPROVE: Final = "✓ Approve"
REJECT: Final = "✗ Reject"
INSPECT: Final = "Inspect"
MUTE: Final = "Mute ▾"
MUTE_HOUR: Final = "1 h"
MUTE_TODAY: Final = "Today"
MUTE_ON: Final = "Until I say"
UNMUTE: Final = "Unmute"
BACK: Final = "◀ Back"
SHOW: Final = "Show"

# Answers to presses
NOTHING_CHANGED: Final = "Nothing was changed."
NOT_HERE: Final = f"This signal was not sent to this chat. {NOTHING_CHANGED}"
NO_SIGNAL: Final = f"There is no such signal. {NOTHING_CHANGED}"
ACCEPTED: Final[Mapping[str, str]] = {
    "approved": "Approved. It is followed on paper from now on.",
    "rejected": "Rejected. It is still followed, so that you see what it would have brought.",
}
TICKET_OVER: Final = "Too late"
SHOWN_ABOVE: Final = "It stands above in this chat."
SHOWING: Final = "Here it comes."
WORKING: Final = "One moment…"
UNTIL_SAID: Final = "until you say otherwise"


def muted(setup: str, until: str) -> str:
    """Confirm a mute."""
    return f"{setup} is muted in this chat {until}."


def unmuted(setup: str) -> str:
    """Confirm the end of a mute."""
    return f"{setup} is heard in this chat again."


# Comments
COMMENT_ROLE: Final = "Comments on signals need the role trader."

# Digest
DIGEST: Final = "While it was quiet"
DIGEST_LIMITS: Final = "Held back, so as not to flood this chat"
HELD: Final[Mapping[str, str]] = {
    "quiet": "quiet hours",
    "hour": "too many this hour",
    "minute": "too many this minute",
}
DIGEST_MORE: Final = "/signal ID shows any of them."


def digest_count(first: int, last: int, total: int) -> str:
    """Tell which of the held signals a message lists."""
    if first == 1 and last == total:
        return f"{total} signal" if total == 1 else f"{total} signals"
    return f"signals {first}–{last} of {total}"


def in_place(what: str, close: str, signal_id: str) -> str:
    """Say that an alert may not have arrived, and where it can be seen."""
    return (
        "An alert may not have reached you, as Telegram kept breaking off: "
        f"{what}, close {close}. "
        f"It is followed all the same. /signal {signal_id} shows it."
    )
