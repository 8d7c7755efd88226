"""Which backups are kept: a few weeks, a few months, and never without the last good one."""

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from pipeline.domain.errors import BadRequestError

_RULE = re.compile(r"(\d{1,3})w[ ,]*(\d{1,3})m")
_YOUNG = timedelta(hours=48)


@dataclass(frozen=True)
class KeepRule:
    """The newest backup of each of so many weeks and of so many months, as `4w 3m`.

    Weeks and months count only if they have a backup, so a long pause removes nothing. Whatever
    is younger than two days stays, and the newest of all does.
    """

    weeks: int
    months: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `4w 3m`.

        Raises
        ------
        BadRequestError
            It is something else, or keeps nothing.
        """
        match = _RULE.fullmatch(text.strip().lower())
        if match is None or int(match[1]) + int(match[2]) == 0:
            raise BadRequestError(
                f"{text!r} is no rule for backups; write weeks and months, like 4w 3m.",
                field="backup_keep", value=text,
            )  # fmt: skip
        return cls(int(match[1]), int(match[2]))

    @property
    def word(self) -> str:
        """The rule as it is written."""
        return f"{self.weeks}w {self.months}m"

    def dropped(self, made: Iterable[tuple[str, datetime]], now: datetime) -> list[str]:
        """Return the names of backups that need not be kept, oldest first.

        Parameters
        ----------
        made
            Good backups alone, each with the time it was made (UTC).
        """
        newest_first = sorted(made, key=lambda each: (each[1], each[0]), reverse=True)
        kept = {name for name, _ in newest_first[:1]}
        kept |= {name for name, at in newest_first if now - at < _YOUNG}
        kept |= _firsts([(name, at.isocalendar()[:2]) for name, at in newest_first], self.weeks)
        kept |= _firsts([(name, (at.year, at.month)) for name, at in newest_first], self.months)
        return [name for name, _ in reversed(newest_first) if name not in kept]


def _firsts(named: Iterable[tuple[str, Hashable]], count: int) -> set[str]:
    """Return the first name of each of the first `count` spans."""
    found: dict[Hashable, str] = {}
    for name, span in named:
        if span not in found and len(found) < count:
            found[span] = name
    return set(found.values())
