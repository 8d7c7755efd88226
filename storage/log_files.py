"""Log files: one for each name and UTC day, one line per event, however many processes write.

A file is never renamed: when the day turns, or a part is full, the next line opens the next file.
So processes of one name (two workers of a host) need not agree on anything, and a reader that
follows a file loses no line. Each line is one append, which the kernel doesn't mix with another's.
"""

import contextlib
import json
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

MEGABYTE: Final = 1_000_000
PART_BYTES: Final = 64 * MEGABYTE
"""After which a day goes on in another file: what is too much is removed in such pieces."""
_NAME = re.compile(r"(?P<name>[a-z][a-z_]*)-(?P<day>\d{4}-\d{2}-\d{2})(?:\.(?P<part>\d+))?\.jsonl")


@dataclass(frozen=True)
class LogLimits:
    """How long and how much of it is kept.

    Parameters
    ----------
    days
        Whole days behind today.
    most_bytes
        Of all names together; the oldest files go first.
    part_bytes
        Of one file.
    """

    days: int = 30
    most_bytes: int = 4_000 * MEGABYTE
    part_bytes: int = PART_BYTES


@dataclass(frozen=True)
class LogPart:
    """One file of a folder of logs."""

    path: Path
    name: str
    day: date
    part: int


class LogFile:
    """What one process appends its lines to.

    Warning
    -------
    Appends are whole on a local disk; on a network share (NFS) two hosts would cut into each
    other's lines, so each host needs a folder of its own.
    """

    def __init__(self, folder: Path, name: str, limits: LogLimits | None = None) -> None:
        self.folder = folder
        self.name = name
        self._limits = limits or LogLimits()
        self._day = date.min
        self._number = -1

    def write(self, line: bytes, at: float) -> None:
        """Append one line (without its end) to the file of the moment `at`, in epoch seconds.

        Raises
        ------
        OSError
            The disk can't be written.
        """
        day = datetime.fromtimestamp(at, UTC).date()
        if day != self._day or self._is_over():
            self._open(day)
        os.write(self._number, line + b"\n")

    def close(self) -> None:
        """Let the file go; the next line opens it again."""
        if self._number >= 0:
            os.close(self._number)
        self._number, self._day = -1, date.min

    def _is_over(self) -> bool:
        """Tell whether the file is full, or was removed by somebody else."""
        held = os.fstat(self._number)
        return held.st_size >= self._limits.part_bytes or held.st_nlink == 0

    def _open(self, day: date) -> None:
        self.close()
        self.folder.mkdir(parents=True, exist_ok=True)
        part = 1
        while _size(self._path(day, part)) >= self._limits.part_bytes:
            part += 1
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        self._number = os.open(self._path(day, part), flags, 0o640)
        self._day = day
        prune_logs(self.folder, day, self._limits)

    def _path(self, day: date, part: int) -> Path:
        more = f".{part}" if part > 1 else ""
        return self.folder / f"{self.name}-{day.isoformat()}{more}.jsonl"


class LogFileHandler(logging.Handler):
    """Writes what its formatter makes of each record, one line each."""

    def __init__(self, file: LogFile) -> None:
        super().__init__()
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        """Append the record; a full disk costs the line, not the process."""
        try:
            line = self.format(record).encode("utf-8", "backslashreplace")
            self._file.write(line, record.created)
        except Exception:  # noqa: BLE001  (as the standard library's handlers do)
            self.handleError(record)

    def close(self) -> None:
        """Let the file go."""
        self._file.close()
        super().close()


def plain_line(name: str, text: str, at: float, clean: Callable[[str], str]) -> bytes:
    """Return a line that a program printed as a log line, its secrets taken out by `clean`."""
    when = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
    words = {
        "timestamp": when.replace("+00:00", "Z"), "level": "info", "process": name,
        "event": clean(text), "logger": "output",
    }  # fmt: skip
    return json.dumps(words, ensure_ascii=False).encode("utf-8", "backslashreplace")


def log_parts(folder: Path) -> list[LogPart]:
    """Return the files of a folder of logs, the oldest first; others are none of ours."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            match = _NAME.fullmatch(path.name)
            if match is None:
                continue
            with contextlib.suppress(ValueError):
                day = date.fromisoformat(match["day"])
                found.append(LogPart(path, match["name"], day, int(match["part"] or 1)))
    return sorted(found, key=lambda part: (part.day, part.part, part.name))


def prune_logs(folder: Path, today: date, limits: LogLimits) -> list[Path]:
    """Remove what is older than its days, then the oldest of what is too much; return it.

    Each name's newest file stays: somebody writes to it.
    """
    gone: list[Path] = []
    parts = log_parts(folder)
    newest = {part.name: part.path for part in parts}
    oldest = today - timedelta(days=limits.days)
    total = sum(_size(part.path) for part in parts)
    for part in parts:
        too_old = part.day < oldest
        too_much = total > limits.most_bytes and newest[part.name] != part.path
        if not (too_old or too_much):
            continue
        total -= _size(part.path)
        with contextlib.suppress(OSError):
            part.path.unlink()
            gone.append(part.path)
    return gone


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
