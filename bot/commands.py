"""What people type: the table of commands, and reading their arguments as phones send them."""

import re
from dataclasses import dataclass
from typing import Final

from aiogram.types import BotCommand

from flows.roles import RANK

__all__ = ["RANK"]

RUN_ID: Final = re.compile(r"\b(?:bt|live|train|run)_\d{4}_\d{2}_\d{2}_\d{3,}\b")
_DASHES: Final = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")
_QUOTES: Final = {
    **dict.fromkeys(map(ord, "“”„‟«»″"), '"'),
    **dict.fromkeys(map(ord, "‘’‚‛′"), "'"),
}
_SPACES: Final = dict.fromkeys(map(ord, "\u00a0\u2007\u202f"), " ")
_LONG_DASH: Final = re.compile(r"(?<!\S)[—―](?=\w)")


@dataclass(frozen=True)
class Command:
    """One command: its word, the line in the menu, an example, and the role it needs."""

    word: str
    line: str
    example: str
    role: str


COMMANDS: Final[tuple[Command, ...]] = (
    Command(
        "backtest",
        "Test a setup on past bars",
        "/backtest Frank_raid_v1 EURUSD M1 2025-05-01..2025-10-31",
        "trader",
    ),
    Command(
        "sweep",
        "Test a grid of a setup's values",
        "/sweep Frank_raid_v1 GER40 M5 2025 min_gap_atr=0.05..0.3/0.05 rr=1..3/0.5",
        "trader",
    ),
    Command(
        "walkforward",
        "Choose on past windows, count what comes after",
        "/walkforward Frank_raid_v1 GER40 M5 2025 min_gap_atr=0.05..0.3/0.05 in=120d out=30d",
        "trader",
    ),
    Command(
        "batch",
        "Test setups over symbols and periods",
        "/batch Frank_raid_v1 GER40 EURUSD 2025 by=quarter",
        "trader",
    ),
    Command(
        "verify", "Prove a setup: no look ahead, live as tested", "/verify Frank_raid_v1", "trader"
    ),
    Command(
        "profile", "Which parameter moves what, and how surely", "/profile IB_raid_v1", "trader"
    ),
    Command("label", "Past signals as rows to learn from", "/label all EURUSD 2024", "trader"),
    Command("live", "Watch the market, and how alerts come", "/live on GER40 M5", "viewer"),
    Command("health", "Whether everything works", "/health", "viewer"),
    Command("logs", "What was logged about a run", "/logs bt_2025_10_31_001", "owner"),
    Command("runs", "Newest runs", "/runs", "viewer"),
    Command("status", "How far a run is", "/status", "viewer"),
    Command("cancel", "Stop a run", "/cancel bt_2025_10_31_001", "trader"),
    Command("rerun", "Run it again, from where it stopped", "/rerun bt_2025_10_31_001", "trader"),
    Command(
        "compare",
        "Two backtests side by side",
        "/compare bt_2025_10_31_001 bt_2025_10_31_002",
        "viewer",
    ),
    Command("data", "Bars held and their quality", "/data", "viewer"),
    Command("collect", "Fetch bars of an exchange", "/collect BTC/USDT days=30", "trader"),
    Command("fetch", "Fetch past bars from a source", "/fetch GER40 M1 2024", "trader"),
    Command("ingest", "Bring fetched bars up to date", "/ingest end_of_day", "trader"),
    Command("quality", "What held bars are worth", "/quality GER40 M1", "trader"),
    Command("info", "What is known of a symbol", "/info GER40", "viewer"),
    Command("instruments", "Look symbols up at their sources", "/instruments GER40", "trader"),
    Command("quarantine", "Bars that wait for a decision", "/quarantine GER40 M1", "viewer"),
    Command("source", "Where past bars come from", "/source GER40 dukascopy", "viewer"),
    Command("import", "How to bring in your own bars", "/import", "trader"),
    Command("setups", "Setups, in words and drawn", "/setups Frank_raid_v1", "viewer"),
    Command(
        "why", "Why there was no signal", "/why GER40 2025-03-10 10:15 Frank_raid_v1", "viewer"
    ),
    Command("analyze", "A symbol as it stands now", "/analyze GER40 M15", "trader"),
    Command("ask", "A question about a backtest", "/ask bt_2025_10_31_001 by weekday", "trader"),
    Command("train", "Train the model that scores signals", "/train setup=IB_raid_v1", "trader"),
    Command(
        "schedule",
        "Ask for something again and again",
        '/schedule "/backtest Frank_raid_v1 GER40 M5 last 30d" every weekday 22:30',
        "trader",
    ),
    Command("schedules", "What is asked by itself, and when", "/schedules", "viewer"),
    Command("parity", "Live held against the backtest", "/parity yesterday", "trader"),
    Command("signal", "Everything about one signal", "/signal sig_live_012", "viewer"),
    Command("journal", "The journal in Notion", "/journal", "viewer"),
    Command("week", "What a week of signals made", "/week last", "viewer"),
    Command("models", "Models, and which is in use", "/models", "viewer"),
    Command("ab", "Compare two models live", "/ab status", "viewer"),
    Command("tools", "What setups are made of, drawn", "/tools fair_value_gap", "viewer"),
    Command("backup", "Back everything up now", "/backup", "owner"),
    Command("upkeep", "Forget what is old", "/upkeep dry", "owner"),
    Command(
        "deployments",
        "What is registered and when it runs",
        "/deployments backtest_flow_prod",
        "owner",
    ),
    Command("users", "Who may use this bot", "/users add 123456789 viewer", "owner"),
    Command("whoami", "Your Telegram id and role", "/whoami", "viewer"),
    Command("help", "What this bot does", "/help", "viewer"),
    Command("start", "Say hello", "/start", "viewer"),
)
ROLE_OF_COMMAND: Final[dict[str, str]] = {c.word: c.role for c in COMMANDS}


def allowed(role: str) -> list[Command]:
    """Return the commands that a role may use."""
    return [c for c in COMMANDS if RANK.get(role, 0) >= RANK[c.role]]


def menu() -> list[BotCommand]:
    """Return the commands for Telegram's menu."""
    return [BotCommand(command=c.word, description=c.line) for c in COMMANDS if c.word != "start"]


def normalise(text: str) -> str:
    """Undo what phones do to typed commands: long dashes, curly quotes, hard spaces.

    A long dash that begins a word stood for two short ones (`--spread` becomes `—spread`).
    """
    text = _LONG_DASH.sub("--", text)
    return text.translate({**_DASHES, **_QUOTES, **_SPACES}).strip()


def word_of(text: str) -> str | None:
    """Return the command's word in small letters, or None if `text` is no command."""
    match = re.match(r"/([A-Za-z0-9_]+)(?:@\w+)?(?:\s|$)", text)
    return match.group(1).lower() if match else None


def rest_of(text: str) -> str:
    """Return what stands behind the command's word, normalised."""
    parts = text.split(maxsplit=1)
    return normalise(parts[1]) if len(parts) > 1 else ""


def is_setup_check(text: str) -> bool:
    """Tell whether a text is `/setup check …`."""
    first = rest_of(text).split(maxsplit=1)[:1]
    return word_of(text) in ("setup", "setups") and [w.lower() for w in first] == ["check"]


def is_label_import(text: str) -> bool:
    """Tell whether a text is `/import labels`."""
    return word_of(text) == "import" and rest_of(text).lower().split()[:1] == ["labels"]


def run_id_in(text: str) -> str | None:
    """Return the first run id in `text`, or None."""
    match = RUN_ID.search(normalise(text))
    return match.group(0) if match else None


def run_ids_in(text: str) -> tuple[str, ...]:
    """Return every run id in `text`, in order."""
    return tuple(RUN_ID.findall(normalise(text)))


@dataclass(frozen=True)
class UserChange:
    """What `/users …` asks for; role None takes the role away."""

    user_id: int
    role: str | None


def user_change(text: str) -> UserChange | None:
    """Read `add ID ROLE` or `remove ID`; None if it is neither."""
    match normalise(text).lower().split():
        case ["add", who, role] if who.isdecimal() and role in RANK:
            return UserChange(int(who), role)
        case ["remove", who] if who.isdecimal():
            return UserChange(int(who), None)
        case _:
            return None
