"""The past cases of setups in this process's memory, and why there are none of some."""

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from pipeline.domain.market import Timeframe

if TYPE_CHECKING:
    from pipeline.live.cases import CaseTable

CaseKey: TypeAlias = tuple[str, str, Timeframe]
"""Setup id, symbol, trigger timeframe."""

NOT_YET = "not counted yet"


class CaseBook:
    """The tables in which similar cases are counted. Who fills it holds `lock`.

    `asked` are the keys that were ever wanted, `renewing` the work that counts them anew.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.asked: set[CaseKey] = set()
        self.renewing: asyncio.Task[None] | None = None
        self._tables: dict[CaseKey, CaseTable] = {}
        self._stamps: dict[CaseKey, str] = {}
        self._counted: dict[CaseKey, str] = {}
        self._lacking: dict[CaseKey, str] = {}

    def keep(self, key: CaseKey, table: "CaseTable", stamp: str) -> None:
        """Keep a table; `stamp` says what it was made from."""
        self._tables[key] = table
        self._stamps[key] = stamp
        self._lacking.pop(key, None)

    def lacks(self, key: CaseKey, why: str) -> None:
        """Note, in words for people, why a table can't be made; one that is kept stays."""
        self._lacking[key] = why

    def forget(self, key: CaseKey) -> None:
        """Forget a table: its rules are no more."""
        self._tables.pop(key, None)
        self._stamps.pop(key, None)

    def note_counted(self, key: CaseKey, until: str) -> None:
        """Note up to what a table was counted last."""
        self._counted[key] = until

    def table(self, key: CaseKey) -> "CaseTable | None":
        """Return the table of a setup on a symbol and timeframe, or None."""
        return self._tables.get(key)

    def stamp(self, key: CaseKey) -> str:
        """Return what a table was made from; empty: there is none."""
        return self._stamps.get(key, "")

    def counted(self, key: CaseKey) -> str:
        """Return up to what a table was counted last; empty: it never was."""
        return self._counted.get(key, "")

    def why(self, key: CaseKey) -> str:
        """Return why there is no table; empty: there is one."""
        return "" if key in self._tables else self._lacking.get(key, NOT_YET)
