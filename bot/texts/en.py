"""Every English sentence that the bot says, in one place: constants and functions of values."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

# Buttons
BUTTON_TRADES: Final = "Trades ▸"
BUTTON_RERUN: Final = "Rerun"
BUTTON_CHANGE: Final = "Change…"
BUTTON_ORIGINAL: Final = "Original PNG"
BUTTON_BACK: Final = "◀"
BUTTON_AHEAD: Final = "▶"
BUTTON_CANCEL: Final = "Cancel"
BUTTON_COPY: Final = "Copy the command"
BUTTON_DROP: Final = "Forget this file"
BUTTON_RUN_NOW: Final = "Run it now"

# Hello
HELLO: Final = (
    "Setup Scout tests intraday setups on past bars and shows every trade on a chart. "
    "It never trades."
)
FIRST_STEPS: Final = "Begin with one of these; tap to copy:"
HELP_MORE: Final = (
    "Send me a file of bars (CSV, parquet, .zip) to test on your own data.\n"
    "Options of /backtest: rr=2 (target in R), spread=1.5 and slippage=0.5 (points), "
    "commission=3 (money a lot and side), swap=0.5 (points a night), each of these also =off; "
    "lots=0.1, risk=100 (money), "
    "max_trades=100, parallel=false (one position at a time), "
    "fill=drilldown|pessimistic|optimistic|adaptive, dry_run (only the plan)"
)


def whoami(user_id: int, role: str) -> str:
    """Tell the reader's id and role."""
    return f"Your Telegram id is {user_id}, your role here is {role}."


# Access
def not_allowed(role: str, needed: str) -> str:
    """Tell which role is missing."""
    return f"This needs the role {needed}; yours is {role}. The owner can change it with /users."


USERS_TITLE: Final = "Who may use this bot"
USERS_HOW: Final = "/users add ID owner|trader|viewer, or /users remove ID"
USERS_LAST_OWNER: Final = "This would leave no owner. Make someone else owner first."
USERS_FROM_SETTINGS: Final = "This owner is set in OWNER_IDS and can be removed only there."


def user_set(user_id: int, role: str | None) -> str:
    """Confirm a role given or taken."""
    return f"{user_id} is {role} now." if role else f"{user_id} has no access any more."


# Launching
USAGE_BACKTEST: Final = "Say what to test: setup, symbol, timeframe and period, in any order."
OLD_COMMAND: Final = "This arrived while I was away. Run it now?"
STALE_BUTTON: Final = "This button is out of date. Please send the command again."
ALREADY_STARTED: Final = "That was started already"
CORRECTED: Final = "Corrected command:"
FOR_EXAMPLE: Final = "Like this:"
CHANGE_TITLE: Final = "Variants of this run. Tap one to run it, or copy the command and edit it:"
DRY_RUN_TITLE: Final = "Plan only, nothing was computed"
PLAN_TITLES: Final[Mapping[str, str]] = {
    "rule_version": "Rules",
    "tasks": "Tasks",
    "loaded_from": "Read from bars of",
    "bars_needed": "Bars needed",
    "bars_held": "Bars held",
    "warm_up_bars": "Bars wanted before the period",
    "missing": "Missing",
    "expected_seconds": "Takes about",
}
NO_SUCH_RUN: Final = "No such run. /runs shows the newest."
NO_RUNS: Final = "No runs yet. Try /backtest."
RUNS_TITLE: Final = "Newest runs"
NOTHING_ACTIVE: Final = "Nothing is running."
CANCEL_WHICH: Final = "Which run? /cancel bt_…, or press Cancel under its progress."
CANCELLING: Final = "Stopping."
RERUN_WHICH: Final = "Which run? /rerun bt_…"
DRAWING: Final = "Drawing…"
SENDING: Final = "Sending the original…"
NO_PICTURE: Final = "There is no such picture any more."


def fetch_offer(title: str, lasting: str) -> str:
    """Offer to fetch bars that a command needs, and to go on then."""
    return f"Fetch from {title}, about {lasting}, then run it"


def source_choice(word: str) -> str:
    """Offer to fetch a symbol from one source, or from the first that has it."""
    return "The first that has it" if word == "auto" else f"Use {word}"


def quarantine_choice(verdict: str, symbol: str, timeframe: str, count: int) -> str:
    """Offer to accept or discard what waits of a symbol and timeframe."""
    word = {"accept": "Accept", "discard": "Discard"}[verdict]
    return f"{word} {count:,} of {symbol} {timeframe}"


# Progress
STATUS_WORDS: Final[Mapping[str, str]] = {
    "queued": "waiting",
    "running": "running",
    "completed": "done",
    "failed": "failed",
    "cancelled": "stopped",
    "refused": "refused",
    "interrupted": "interrupted; it goes on in a new message",
}
TASK_WORDS: Final[Mapping[str, str]] = {
    "data_ingest": "Load bars",
    "data_processor": "Check bars",
    "market_tools": "Run detectors",
    "setup_manager": "Find signals",
    "backtester_core": "Simulate trades",
    "visualizer": "Draw charts",
    "gpt_analysis": "Ask the analyst",
    "notion_upload": "Write the journal",
    "variants": "Test the variants",
    "scoring": "Compare them",
    "walk_forward": "Choose and walk on",
    "tests": "Run the tests",
    "places": "Draw where to look",
    "prefixes": "Look for a look ahead",
    "warm_up": "Try the look-back",
    "replay": "Replay live, bar by bar",
    "repeats": "Ask twice",
    "fills": "Judge the fills",
    "counts": "Count signals",
    "play": "Play the bars",
    "trail": "Read what live did",
    "comparison": "Ask the backtest",
    "outcomes": "See how they ended",
    "features": "Work out features",
    "labels": "Write the labels",
    "data_collection": "Gather what to learn from",
    "data_quality": "Judge the bars",
    "instrument_facts": "Look symbols up",
    "next_run": "Start what was to come then",
    "gathering": "Gather every variant tried",
    "sensitivity": "Hold them against each other",
    "feature_engineering": "Make the table",
    "train_test_split": "Set the last window aside",
    "model_training": "Grow the trees",
    "evaluation": "Judge on unseen signals",
    "model_versioning": "Keep the version",
    "deploy_if_better": "Use it if it is better",
    "notification": "Send the result",
    "validation": "Check the bars",
    "feature_preparation": "Work out features",
    "model_saving": "Keep the version",
    "activation": "Use it if it is better",
    "backup_copy": "Copy everything aside",
    "backup_check": "Read it back",
    "retention": "Let old backups go",
    "runs": "Forget old runs",
    "state": "Remove kept tasks",
    "artifacts": "Remove old files",
    "deliveries": "Forget sent messages",
    "scan_log": "Shorten the scan log",
    "marks": "Forget small marks",
    "models": "Remove old models",
    "bars": "Put old bars away",
    "leftovers": "Clear up after crashes",
    "database": "Tidy the database",
    "prefect": "Look after Prefect",
    "telegram_notify": "Send the result",
}
TASK_MARKS: Final[Mapping[str, str]] = {
    "success": "✓",
    "running": "▸",
    "failed": "✗",
    "skipped": "–",
}


def place_in_queue(place: int) -> str:
    """Tell the place in the queue; 1 is next."""
    return "Next in the queue" if place <= 1 else f"Number {place} in the queue"


# Report
SYNTHETIC: Final = "SYNTHETIC bars: made up for trying things out, no market history"
SYNTHETIC_SHORT: Final = "SYNTHETIC (made up)"
NO_TRADES: Final = "No trades. Where the days went:"
WARNINGS: Final = "Mind"


def lost_line(lost: Mapping[str, int]) -> str:
    """List why cases fell away."""
    parts = sorted(lost.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in parts if count)


def count(number: int, word: str) -> str:
    """Return "1 day", "2 days"."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


FILL_WORDS: Final[Mapping[str, str]] = {
    "drilldown": "a bar that holds stop and target is settled on M1 bars where held",
    "pessimistic": "a bar that holds stop and target counts as the stop",
    "optimistic": "a bar that holds stop and target counts as the target",
    "adaptive": "of stop and target in one bar, the side nearer its open came first",
}

# Data
IMPORT_HOW: Final = (
    "Send me a file of bars (up to 20 MB; .gz and .zip too): MetaTrader 5 exports, HistData, "
    "TradingView, parquet and plain CSV with time, open, high, low, close are understood. "
    "What I can't tell from the file, such as its clock, I ask."
)
NO_DATA: Final = "No bars are held yet. " + IMPORT_HOW
DATA_TITLE: Final = "Bars held"
READING_FILE: Final = "Reading the file…"
FILE_FORGOTTEN: Final = "Forgotten; nothing was imported."
PHOTO_INSTEAD: Final = "Please send bars as a file (CSV or parquet), not as a photo."


def imported(added: int, replaced: int, zone: str) -> str:
    """Tell what an import did."""
    again = f", {replaced:,} replaced" if replaced else ""
    return f"Imported: {added:,} bars added{again}. Clock of the file: {zone}."


def file_too_large(megabytes: float) -> str:
    """Tell what to do with a file that Telegram won't hand to bots."""
    return (
        f"The file has {megabytes:.0f} MB and Telegram gives bots 20 MB at most. "
        "Compress it (.gz or .zip), split it, or use `scout import` on the machine itself."
    )


# Setups
NO_SETUPS: Final = "No active setups."
SETUPS_TITLE: Final = "Active setups"
SETUPS_MORE: Final = "/setups NAME shows one in words and drawn."
SETUPS_LIST: Final = "/setups lists them."
PROBLEMS: Final = "Files that could not be read"
HISTORY: Final = "Versions"

# Errors
UNEXPECTED: Final = "Something went wrong on our side. It is logged; please try again."
UNKNOWN_COMMAND: Final = "I don't know this command. /help lists them."
TALK: Final = (
    "I understand commands, files of bars, and plain words like: test the Frankfurt raid on DAX "
    "last summer, M5. /help lists the commands."
)


def reference(code: str) -> str:
    """Give the code under which the log has the facts."""
    return f"Reference {code}"


def sentence(text: str) -> str:
    """Begin a line as a sentence begins, unless a file's name or the like stands there."""
    first = text.split(maxsplit=1)[:1]
    return text[:1].upper() + text[1:] if first and first[0].isalpha() else text


def valid_are(words: Sequence[str]) -> str:
    """List a few valid words."""
    return f"Valid: {', '.join(words[:5])}"


def too_fast(seconds: float) -> str:
    """Say that somebody asks faster than they may."""
    wait = math.ceil(seconds)
    return f"That was a lot at once. I answer again in {wait} s; what came since is dropped."
