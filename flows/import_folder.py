"""The folder whose files of bars are imported: what lies in it, what is whole, where it goes."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import yaml
from pydantic import ValidationError

from flows.import_words import ImportAnswers
from pipeline.domain.errors import BadRequestError

DONE, REFUSED = "done", "refused"
ANSWERS = ".yaml"
REASON = ".reason.txt"
STEADY = timedelta(seconds=10)
"""A file is whole when its size and time stay the same for so long."""
EMPTY = timedelta(minutes=10)
"""So long a file may be empty before that is what it is."""
_UNFINISHED = (ANSWERS, ".yml", ".part", ".partial", ".tmp", ".crdownload", ".filepart", REASON)
_MOST_ANSWERS = 10_000


@dataclass(frozen=True)
class Waiting:
    """A file in the folder as it was when looked at; times in ns since 1970."""

    path: Path
    size: int
    changed: int
    answers_changed: int

    @property
    def name(self) -> str:
        """Its name."""
        return self.path.name

    @property
    def shown(self) -> str:
        """Its name for people: printable, and not too long."""
        return "".join(c if c.isprintable() else "�" for c in self.name)[:100]

    @property
    def answers(self) -> Path:
        """Where the answers lie that the file doesn't give: NAME.yaml beside it."""
        return self.path.with_name(self.name + ANSWERS)


def look_into(folder: Path) -> list[Waiting]:
    """Return the files that may be bars, by name; the folder and its two are made if need be.

    Hidden files, links, answers and what other programs call unfinished are left alone. OSError.
    """
    for place in (folder, folder / DONE, folder / REFUSED):
        place.mkdir(parents=True, exist_ok=True)
    found = []
    for entry in os.scandir(folder):
        plain = entry.is_file(follow_symlinks=False) and not entry.name.startswith((".", "~"))
        if plain and not entry.name.lower().endswith(_UNFINISHED):
            found.append(seen(Path(entry.path)))
    return sorted((one for one in found if one is not None), key=lambda one: one.name)


def seen(path: Path) -> Waiting | None:
    """Return a file as it is now; None: it is gone."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    try:
        answers = path.with_name(path.name + ANSWERS).stat().st_mtime_ns
    except FileNotFoundError:
        answers = 0
    return Waiting(path, stat.st_size, stat.st_mtime_ns, answers)


class Steadiness:
    """Remembers how files looked, to tell when they are whole."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[int, int, datetime]] = {}

    def whole(self, files: list[Waiting], now: datetime) -> list[Waiting]:
        """Return the files that have been as they are for long enough."""
        before, self._since = self._since, {}
        return [one for one in files if self._is_whole(one, before.get(one.name), now)]

    def _is_whole(
        self, one: Waiting, before: tuple[int, int, datetime] | None, now: datetime
    ) -> bool:
        same = before is not None and before[:2] == (one.size, one.changed)
        since = before[2] if same and before is not None else now
        self._since[one.name] = (one.size, one.changed, since)
        return now - since >= (STEADY if one.size else EMPTY)


def read_answers(one: Waiting) -> ImportAnswers:
    """Return what NAME.yaml answers: symbol, timeframe, zone, day_first; BadRequestError."""
    try:
        with one.answers.open("rb") as file:
            kept = yaml.safe_load(file.read(_MOST_ANSWERS))
        return ImportAnswers.model_validate({} if kept is None else kept)
    except FileNotFoundError:
        return ImportAnswers()
    except (OSError, yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        known = ", ".join(ImportAnswers.model_fields)
        raise BadRequestError(
            f"{one.shown}{ANSWERS} can't be read: lines like `symbol: EURUSD` are wanted, of "
            f"{known}.",
            field="answers",
        ) from error


def put_away(one: Waiting, place: str, mark: str, reason: str = "") -> Path:
    """Move a file, and its answers, into `done` or `refused`; return where it is.

    A name that is taken there gets `mark`, which is of the content. With a reason a file
    NAME.reason.txt tells it. What is gone already is no error: a kill came between two steps. A
    file that was written anew meanwhile stays where it is.
    """
    now = seen(one.path)
    if now is not None and (now.size, now.changed) != (one.size, one.changed):
        return one.path
    folder = one.path.parent / place
    goal = folder / one.name
    if goal.exists():
        goal = folder / f"{Path(one.name).stem}-{mark}{Path(one.name).suffix}"
    if reason:
        goal.with_name(goal.name + REASON).write_text(reason + "\n", encoding="utf-8")
    moves = [(one.answers, goal.with_name(goal.name + ANSWERS)), (one.path, goal)]
    # Answers first where the ledger knows the file; else the file, which can't do without them.
    for source, target in moves if place == DONE else reversed(moves):
        try:
            source.replace(target)
        except FileNotFoundError:
            continue
    return goal
