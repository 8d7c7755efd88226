"""How /logs reads in the chat: the newest lines, and all of them as a file."""

from typing import Final

from aiogram.utils.formatting import Bold, Pre, as_list

from bot.layout import View, fit
from bot.texts import en_logs as en
from flows.run_logs import entry_line
from storage.log_reading import Found

LINES: Final = 30
ROOM: Final = 3600  # characters, so that the title and the newest line always fit
LONGEST: Final = 400


def newest(run_id: str, found: Found, zone: str) -> View:
    """Return the newest lines, in the order of time, as many as a message holds."""
    lines: list[str] = []
    room = ROOM
    for entry in reversed(found.entries[-LINES:]):
        line = entry_line(entry, zone)
        line = line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    title = en.title(run_id, len(lines), len(found.entries))
    return fit(as_list(Bold(title), Pre("\n".join(reversed(lines)))))


def whole(found: Found) -> bytes:
    """Return all lines as they are kept."""
    return b"\n".join(entry.line for entry in found.entries) + b"\n"
