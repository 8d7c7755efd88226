"""Finding lines in the log files: of one run, of errors, or as they come, in the order of time.

No index is kept: the days to look through are known (a run's begin and end), and a day's file is
searched for the words as bytes, at the speed of memory, before any line of it is parsed.
"""

import json
import mmap
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from storage.log_files import log_parts

_OWN: Final = ("timestamp", "level", "process", "event")
ERROR_WORDS: Final = (b'"level": "error"', b'"level": "critical"')


@dataclass(frozen=True)
class LogEntry:
    """One line of a log."""

    at: datetime
    process: str
    level: str
    event: str
    facts: dict[str, Any]
    line: bytes


@dataclass(frozen=True)
class Found:
    """Lines in the order of time; `cut`: older ones were left out, as there are too many."""

    entries: tuple[LogEntry, ...]
    cut: bool = False


def lines_about(folder: Path, run_id: str, first: date, last: date, *, most_bytes: int) -> Found:
    """Return the lines of all processes that name a run, of the days first … last (UTC)."""
    whole = re.compile(rb"(?<![A-Za-z0-9_])" + re.escape(run_id.encode()) + rb"(?![0-9])")
    return _newest(
        (line for line in _lines(folder, (run_id.encode(),), first, last) if whole.search(line)),
        most_bytes,
    )


def errors_since(folder: Path, since: datetime, today: date, *, most_bytes: int) -> Found:
    """Return the lines of level error and above since a moment."""
    lines = _lines(folder, ERROR_WORDS, since.astimezone(UTC).date(), today)
    found = _newest(lines, most_bytes)
    return Found(tuple(entry for entry in found.entries if entry.at >= since), found.cut)


def _newest(lines: Iterable[bytes], most_bytes: int) -> Found:
    entries = sorted(
        (entry for line in lines if (entry := parsed(line)) is not None),
        key=lambda entry: entry.at,
    )
    size, first = 0, len(entries)
    while first and size + len(entries[first - 1].line) <= most_bytes:
        first -= 1
        size += len(entries[first].line) + 1
    return Found(tuple(entries[first:]), cut=first > 0)


def _lines(folder: Path, words: tuple[bytes, ...], first: date, last: date) -> Iterator[bytes]:
    """Give the lines of some days that hold one of the words, file by file."""
    for part in log_parts(folder):
        if first <= part.day <= last:
            yield from _holding(part.path, words)


def _holding(path: Path, words: tuple[bytes, ...]) -> Iterator[bytes]:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            for word in words:
                at = held.find(word)
                while at >= 0:
                    end = held.find(b"\n", at)
                    end = len(held) if end < 0 else end
                    yield held[held.rfind(b"\n", 0, at) + 1 : end]
                    at = held.find(word, end)
    except (OSError, ValueError):  # removed meanwhile, or empty
        return


def parsed(line: bytes) -> LogEntry | None:
    """Return a line as an entry; None if it is none (the end of a crash, a foreign file)."""
    try:
        words = json.loads(line)
        at = datetime.fromisoformat(words["timestamp"])
        event, process, level = (str(words.get(k, "")) for k in ("event", "process", "level"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if at.tzinfo is None:
        return None
    facts = {name: fact for name, fact in words.items() if name not in _OWN}
    return LogEntry(at, process, level, event, facts, bytes(line))


@dataclass
class Tail:
    """Follows all files of a folder from now on."""

    folder: Path
    _read: dict[Path, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._read = {part.path: _size(part.path) for part in log_parts(self.folder)}

    def new(self) -> list[LogEntry]:
        """Return what came since the last time, in the order of time."""
        found = []
        for part in log_parts(self.folder):
            start = self._read.get(part.path, 0)
            try:
                with part.path.open("rb") as file:
                    file.seek(start)
                    data = file.read()
            except OSError:
                continue
            whole = data.rpartition(b"\n")[0]
            self._read[part.path] = start + len(whole) + bool(whole)
            found += [entry for line in whole.split(b"\n") if (entry := parsed(line)) is not None]
        return sorted(found, key=lambda entry: entry.at)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
